/**
 * `deno task arch`: what the compiler cannot see. Prints every violation in one line (where, rule, what to do) and
 * ends with 1 when there is one. Reads only.
 */
import { checkContent, checkVersions, pinnedPackages } from "./arch/content.ts";
import { checkCycles, checkDirection } from "./arch/direction.ts";
import { checkNames } from "./arch/names.ts";
import { readSource, type Violation } from "./arch/source.ts";

const LEFT_OUT = new Set(["node_modules", "dist", "gen", ".git", ".state", "docs"]);
const LOOKED_AT = /\.(tsx?|sql|css)$|^deno\.json$/;

/**
 * Checks a tree of files.
 *
 * @param files text by path from the root; `deno.json` says which versions are pinned
 */
export function checkTree(files: ReadonlyMap<string, string>): Violation[] {
  const pinned = pinnedPackages(files.get("deno.json") ?? "{}");
  const sources = [...files].map(([path, text]) => readSource(path, text));
  const found = sources.flatMap((source) => [
    ...checkNames(source.path),
    ...checkDirection(source),
    ...checkContent(source),
    ...checkVersions(source, pinned),
  ]);
  return [...found, ...checkCycles(sources)].sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}

/** A violation as one line. */
export function violationLine({ path, line, rule, advice }: Violation): string {
  return `${path}:${line}: ${rule}: ${advice}`;
}

function readTree(root: string): Map<string, string> {
  const files = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory && !LEFT_OUT.has(entry.name)) walk(path);
      else if (entry.isFile && LOOKED_AT.test(path)) files.set(path, Deno.readTextFileSync(`${root}/${path}`));
    }
  };
  walk("");
  return files;
}

if (import.meta.main) {
  const began = performance.now();
  const files = readTree(`${import.meta.dirname}/..`);
  const found = checkTree(files);
  for (const violation of found) console.log(violationLine(violation));
  const took = Math.round(performance.now() - began);
  console.log(
    `arch: ${files.size} files, ${found.length === 0 ? "no violation" : `${found.length} to correct`}, ${took} ms`,
  );
  Deno.exit(found.length === 0 ? 0 : 1);
}
