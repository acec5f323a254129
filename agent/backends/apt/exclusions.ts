import { reason } from "../../../core/errors.ts";
import { hostPath } from "./command.ts";

/** What the host's administrator forbids us to touch, whoever orders it. */
export const exclusionFile = "/etc/patch-agent/exclude";

/** Characters of the file: a list of every package of a large machine has some 200,000. */
const FILE_LIMIT = 2 ** 20;
/** A package name, `name:arch`, or the beginning of names with a star; a star alone is everything. */
const PATTERN = /^(?:\*|[a-z0-9][a-z0-9+.-]{0,254}(?:\*|:[a-z0-9-]{1,31})?)$/;

/** The list as it is now. */
export interface Exclusions {
  /** True when nothing is excluded. */
  empty: boolean;
  /**
   * Why the list cannot be relied upon, in words; null when it can. A line that nobody understands may forbid
   * anything, so until it is corrected nothing is installed.
   */
  problem: string | null;
  /**
   * The line that excludes a package, null when none does.
   * @param key `name`, or `name:arch` of a foreign architecture
   */
  find(key: string): string | null;
}

/** Reads the list of the host; a missing file excludes nothing. */
export async function readExclusions(root: string | null): Promise<Exclusions> {
  const path = hostPath(root, exclusionFile);
  try {
    const { size } = await Deno.stat(path);
    if (size > FILE_LIMIT) throw new Error(`it has ${size} bytes, more than ${FILE_LIMIT}`);
    return parseExclusions(await Deno.readTextFile(path));
  } catch (error) {
    // A link to nowhere is a list that is gone, not one that was never written.
    const there = await Deno.lstat(path).then(() => true, () => false);
    if (error instanceof Deno.errors.NotFound && !there) return parseExclusions("");
    return { ...parseExclusions(""), problem: problemWords(`it cannot be read: ${reason(error)}`) };
  }
}

/** Reads the list: one name or `prefix*` a line, `#` begins a comment. */
export function parseExclusions(text: string): Exclusions {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  const wrong: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const word = line.replace(/(?:^|\s)#.*$/, "").trim();
    if (word === "") continue;
    if (!PATTERN.test(word)) wrong.push(`line ${index + 1}, ${JSON.stringify(word.slice(0, 60))}`);
    else if (word.endsWith("*")) prefixes.push(word.slice(0, -1));
    else exact.add(word);
  }
  return {
    empty: exact.size === 0 && prefixes.length === 0,
    problem: wrong.length === 0 ? null : problemWords(
      `${wrong.slice(0, 3).join("; ")}${wrong.length > 3 ? ` and ${wrong.length - 3} more` : ""} ` +
        "is neither a package name nor the beginning of one with a star",
    ),
    find(key) {
      const name = key.split(":")[0];
      if (exact.has(key)) return key;
      if (exact.has(name)) return name;
      const prefix = prefixes.find((item) => name.startsWith(item));
      return prefix === undefined ? null : `${prefix}*`;
    },
  };
}

function problemWords(words: string): string {
  return `${exclusionFile} is not clear: ${words}. Nothing is installed until it is corrected.`.slice(0, 500);
}
