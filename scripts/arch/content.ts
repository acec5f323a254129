import { isTestFile } from "./direction.ts";
import { linesOf, type Source, type Violation } from "./source.ts";

interface LineRule {
  rule: string;
  /** Which files it looks at. */
  files: (path: string) => boolean;
  /** Code, or the insides of strings. */
  where: "code" | "strings" | "text";
  pattern: RegExp;
  advice: string;
}

const typescript = (path: string) => /\.tsx?$/.test(path);
const test = (path: string) => /_test\.tsx?$/.test(path) || path.startsWith("tests/");

const rules: LineRule[] = [
  {
    rule: "clock",
    // An island runs in the browser, whose clock it may ask; it could not import ours.
    files: (path) => typescript(path) && path !== "core/clock.ts" && !path.startsWith("islands/"),
    where: "code",
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b/g,
    advice: "take a Clock (core/clock.ts); for durations performance.now()",
  },
  {
    rule: "clock",
    // The table of migrations is made before migration 1 brings app_now().
    files: (path) => typescript(path) && path !== "core/database/migrations.ts",
    where: "strings",
    pattern: /(?<![\w.])now\(\)|\b(?:current_timestamp|localtimestamp|clock_timestamp\(|transaction_timestamp\()/gi,
    advice: "SQL asks app_now(), so that a test can move the time",
  },
  {
    rule: "sleep",
    files: test,
    where: "code",
    pattern:
      /\bsetTimeout\(\s*(?:r|res|resolve|done|ok|next|go)\b|\bsetTimeout\(\s*\(\)\s*=>\s*(?:r|res|resolve|done)\(|\b(?:await\s+)?(?:sleep|delay)\(\s*\d/g,
    advice: "tests do not sleep: wait for the condition (testing/wait_for.ts)",
  },
  {
    rule: "sleep",
    files: test,
    where: "strings",
    pattern: /^.*\bnode:timers\/promises\b/gm,
    advice: "tests do not sleep: wait for the condition (testing/wait_for.ts)",
  },
  {
    rule: "style",
    files: (path) => path.endsWith(".tsx") && !test(path),
    where: "code",
    pattern: /\sstyle=/g,
    advice: "the content security policy blocks style attributes: use a class",
  },
  {
    rule: "exit",
    files: (path) => path.startsWith("core/") && !isTestFile(path),
    where: "code",
    pattern: /\bDeno\.exit\b/g,
    advice: "core does not end the process: throw, and let the caller decide",
  },
  {
    rule: "timers",
    files: (path) => path.startsWith("routes/") && !isTestFile(path) && !/^routes\/\(_(live|role)\)\//.test(path),
    where: "code",
    pattern: /\b(?:setInterval|setTimeout)\(/g,
    advice: "routes have no timers: periodic work is a loop of worker/",
  },
];

/** What stands in a file and must not. */
export function checkContent(source: Source): Violation[] {
  const { path } = source;
  // It quotes what the rules look for.
  if (path === "scripts/arch_test.ts") return [];
  const found = rules.filter(({ files }) => files(path)).flatMap(({ rule, where, pattern, advice }) =>
    linesOf(source[where], pattern).map(({ line }): Violation => ({ path, line, rule, advice }))
  );
  return [...found, ...sqlClock(source), ...tooLong(source)];
}

/** SQL files: only the definition of app_now() reads the clock. */
function sqlClock({ path, text }: Source): Violation[] {
  if (!/^migrations\/.*\.sql$/.test(path) || path === "migrations/schema.sql") return [];
  const code = text.replace(/--[^\n]*/g, "")
    .replace(
      /create (?:or replace )?function app_now\b[\s\S]*?\$(\w*)\$[\s\S]*?\$\1\$/gi,
      (all) => all.replace(/[^\n]/g, " "),
    );
  return linesOf(
    code,
    /(?<![\w.])now\(\)|\b(?:current_timestamp|localtimestamp|clock_timestamp\(|transaction_timestamp\()/gi,
  )
    .map(({ line }) => ({ path, line, rule: "clock", advice: "SQL asks app_now(), so that a test can move the time" }));
}

const MOST_LINES = 400;
const MAIN_LINES = 80;

function tooLong({ path, text }: Source): Violation[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (path === "main.ts" && lines >= MAIN_LINES) {
    return [{ path, line: lines, rule: "length", advice: `main.ts stays under ${MAIN_LINES} lines: move it to cli/` }];
  }
  if (!/\.(tsx?|css)$/.test(path) || lines <= MOST_LINES) return [];
  return [{
    path,
    line: lines,
    rule: "length",
    advice: `${lines} lines are more than ${MOST_LINES}: it wants to be a room`,
  }];
}

/**
 * Paths that carry a package's version (`node_modules/.deno/name@1.2.3`) and say another one than deno.json.
 *
 * @param pinned `name` to version, from the imports of deno.json
 */
export function checkVersions(source: Source, pinned: ReadonlyMap<string, string>): Violation[] {
  if (source.path === "deno.lock" || isTestFile(source.path) && source.path.startsWith("scripts/")) return [];
  const pattern = /(?:\.deno\/|")((?:@[a-z0-9._-]+[+/])?[a-z0-9._-]+)@(\d+\.\d+\.\d+[a-z0-9.-]*)(?=\/)/g;
  return linesOf(source.text, pattern).flatMap(({ line, match: [, name, version] }) => {
    const wanted = pinned.get(name.replace("+", "/"));
    if (wanted === version) return [];
    const advice = wanted === undefined
      ? `${name} is not in deno.json: remove the path`
      : `deno.json has ${name} ${wanted}: write that`;
    return [{ path: source.path, line, rule: "version", advice }];
  });
}

/** The pinned packages of a deno.json. */
export function pinnedPackages(text: string): Map<string, string> {
  const { imports = {} } = JSON.parse(text) as { imports?: Record<string, string> };
  const pinned = new Map<string, string>();
  for (const target of Object.values(imports)) {
    const found = /^npm:(@?[^@]+)@([^/]+)/.exec(target);
    if (found) pinned.set(found[1], found[2]);
  }
  return pinned;
}
