import type { PackageChange } from "../../../protocol/api.ts";
import { planArguments, type Target } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { parseSimulation } from "./simulation.ts";

/** An update that apt keeps back. */
export interface KeptBackUpdate {
  key: string;
  target: Target;
}

/** Why apt keeps it back. */
export interface KeptBackReason {
  /** At most 512 characters. */
  reason: string;
  /** What installing it would remove. */
  removes: string[];
}

/** Each simulation reads the whole index: a quarter of a second on a machine with 3,000 packages (measured). */
const SIMULATIONS = 20;
const AT_ONCE = 2;
const TIME_LIMIT_MS = 4_000;

/**
 * What was found out for a host, as long as apt says the same about all of them together. Every poll then costs one
 * simulation, and looks into the next twenty that are still open.
 */
const remembered = new Map<string | null, { signature: string; found: Map<string, KeptBackReason> }>();

/**
 * Why updates are kept back, found by asking apt to install them: first all at once, which names every impossible
 * dependency, then one by one what that left open, at most 20 and 4 s of them a call. Whoever is beyond that is told
 * so, until a later call has come to it.
 * @param obstacles words by key about packages that may not change: `is on hold`
 */
export async function explainKeptBack(
  root: string | null,
  wanted: KeptBackUpdate[],
  obstacles: Map<string, string>,
): Promise<Map<string, KeptBackReason>> {
  if (wanted.length === 0) return new Map();
  const together = await read(aptCall(root, programs.apt_get, planArguments(wanted.map((item) => item.target))));
  const signature = JSON.stringify([together.code, together.stdout, [...obstacles]]);
  const before = remembered.get(root);
  const found = before?.signature === signature ? before.found : impossibleOnes(together.stdout, wanted, obstacles);
  remembered.set(root, { signature, found });
  const open = wanted.filter((item) => !found.has(item.key)).slice(0, SIMULATIONS);
  const started = performance.now();
  const work = async () => {
    for (let item = open.shift(); item !== undefined; item = open.shift()) {
      if (performance.now() - started > TIME_LIMIT_MS) return;
      found.set(item.key, await explainAlone(root, item, obstacles));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const removes = removedBy(parseSimulation(together.stdout));
  const words = removes.length === 0 ? "" : ` Together they would remove ${listOf(removes)}.`;
  const others = wanted.length - 1;
  const reason = cut(
    `Kept back like ${others} other${others === 1 ? "" : "s"}; it was not looked into alone yet.${words}`,
  );
  return new Map(wanted.map(({ key }) => [key, found.get(key) ?? { reason, removes: [] }]));
}

/** Whose dependencies nobody can fulfil: that is so together and alone. */
function impossibleOnes(
  output: string,
  wanted: KeptBackUpdate[],
  obstacles: Map<string, string>,
): Map<string, KeptBackReason> {
  const found = new Map<string, KeptBackReason>();
  const keys = new Set(wanted.map((item) => item.key));
  for (const [key, lines] of parseUnmet(output)) {
    // Together they may be in each other's way, which says nothing about the one alone.
    const line = lines.find((item) =>
      /but .+ is to be installed$|not installable$/.test(item) && !keys.has(nameIn(item))
    );
    if (keys.has(key) && line !== undefined) found.set(key, blockedBy(key, line, obstacles));
  }
  return found;
}

async function explainAlone(
  root: string | null,
  { key, target }: KeptBackUpdate,
  obstacles: Map<string, string>,
): Promise<KeptBackReason> {
  const answer = await read(aptCall(root, programs.apt_get, planArguments([target])));
  if (answer.code !== 0) {
    const unmet = parseUnmet(answer.stdout);
    const [other, lines] = unmet.has(key) ? [key, unmet.get(key)!] : [...unmet][0] ?? [key, []];
    return blockedBy(other, lines[0] ?? null, obstacles);
  }
  const changes = parseSimulation(answer.stdout);
  const removes = removedBy(changes);
  if (removes.length > 0) {
    return {
      reason: cut(`Kept back: it would remove ${listOf(removes)}. Nothing is ever removed by an update from here.`),
      removes,
    };
  }
  const stuck = changes.find((change) => change.name !== key && obstacles.has(change.name));
  if (stuck) {
    const words = obstacles.get(stuck.name);
    return { reason: cut(`Kept back: it needs ${stuck.name} ${stuck.to}, which ${words}.`), removes };
  }
  return { reason: "Kept back: it cannot be installed together with the other updates.", removes };
}

function blockedBy(key: string, line: string | null, obstacles: Map<string, string>): KeptBackReason {
  if (line === null) return { reason: "Kept back: apt finds no way to install it.", removes: [] };
  const obstacle = obstacles.get(nameIn(line));
  return { reason: cut(`Kept back: ${key} ${line}${obstacle ? `: ${nameIn(line)} ${obstacle}` : ""}.`), removes: [] };
}

/**
 * Reads apt's list of unmet dependencies; one package may have several lines, of which the later ones are indented.
 * The words are put so that they follow the package's name: `depends on stork-core (>= 2.0) but it is not installable`.
 */
export function parseUnmet(output: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let key: string | null = null;
  for (const line of output.split("\n")) {
    const match = /^ (?:(\S+) :| +) ?((?:Pre-?)?Depends|Conflicts|Breaks): (\S.*)$/.exec(line);
    if (!match) {
      key = null;
      continue;
    }
    key = match[1] ?? key;
    if (key === null) continue;
    const verb = /depends/i.test(match[2]) ? `${match[2].toLowerCase()} on` : match[2].toLowerCase();
    found.set(key, [...found.get(key) ?? [], `${verb} ${match[3].trim()}`]);
  }
  return found;
}

/** The package that such a line is about. */
function nameIn(line: string): string {
  return /^(?:(?:pre-?)?depends on|conflicts|breaks) (\S+)/.exec(line)?.[1] ?? "";
}

function removedBy(changes: PackageChange[]): string[] {
  return changes.filter((change) => change.action === "remove").map((change) => change.name);
}

function listOf(names: string[]): string {
  return names.slice(0, 8).join(", ") + (names.length > 8 ? ` and ${names.length - 8} more` : "");
}

function cut(text: string): string {
  return text.length <= 512 ? text : text.slice(0, 511) + "…";
}
