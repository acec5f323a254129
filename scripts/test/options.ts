/** The steps of `deno task test`, in order. */
export const STEPS = ["format", "lint", "build", "types", "arch", "routes", "unit", "tests", "alone"] as const;
export type Step = typeof STEPS[number];

export interface Options {
  /** What runs; all when nothing was said. */
  steps: Step[];
  /** Files and folders that the two test steps are limited to. */
  paths: string[];
}

/**
 * Reads `[--only STEP]… [-- PATH…]`. Paths alone mean only the test steps, because somebody who names a file does
 * not want to wait for the rest.
 * @returns words of what is wrong instead, when something is.
 */
export function readOptions(args: readonly string[]): Options | string {
  const split = args.indexOf("--");
  const before = split < 0 ? [...args] : args.slice(0, split);
  const paths = split < 0 ? [] : args.slice(split + 1);
  const only: Step[] = [];
  while (before.length > 0) {
    const word = before.shift()!;
    if (word !== "--only") return `${word} is not an option. Use: [--only ${STEPS.join("|")}] [-- PATH…]`;
    const step = STEPS.find((known) => known === before[0]);
    if (!step) return `--only takes one of ${STEPS.join(", ")}.`;
    only.push(step);
    before.shift();
  }
  if (split >= 0 && paths.length === 0) return "After -- a file or folder is expected.";
  const option = paths.find((path) => path.startsWith("-"));
  if (option) return `${option} after -- is not a file or folder.`;
  const chosen = only.length > 0 ? only : paths.length > 0 ? ["unit", "tests", "alone"] : STEPS;
  return { steps: STEPS.filter((step) => chosen.includes(step)), paths: paths.map(plain) };
}

/**
 * Splits paths into those of the unit rooms, those that need every right (tests/ and scripts/), and those that also
 * need the machine for themselves (tests/alone/).
 */
export function splitPaths(paths: readonly string[]): Record<"unit" | "tests" | "alone", string[]> {
  const split: ReturnType<typeof splitPaths> = { unit: [], tests: [], alone: [] };
  for (const path of paths) {
    if (/^tests\/alone(\/|$)/.test(path)) split.alone.push(path);
    else if (/^(tests|scripts)(\/|$)/.test(path)) split.tests.push(path);
    else split.unit.push(path);
  }
  return split;
}

function plain(path: string): string {
  return path.replace(/^\.\//, "").replace(/\/+$/, "");
}
