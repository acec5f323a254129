/** Passwords that everybody tries first. */
export interface Blocklist {
  /**
   * True for a common password, alone, said twice, written with digits for letters, or with up to eight digits and
   * marks around it: guessing programs know these habits.
   *
   * @param password after Unicode compatibility normalisation
   */
  isCommon(password: string): Promise<boolean>;
}

/** Its name in the folder of what the build makes. */
export const BLOCKLIST_FILE = "common_passwords.txt";

/**
 * The list in a file of lower-case lines, made by scripts/blocklist.ts. Nothing of it is kept in memory: a password is
 * chosen a few times a year, and reading it takes some milliseconds.
 *
 * @param folder where the build put it
 */
export function blocklistIn(folder: string): Blocklist {
  return {
    isCommon: async (password) => {
      const list = `\n${await Deno.readTextFile(`${folder}/${BLOCKLIST_FILE}`)}`;
      return [...variants(password)].some((word) => OURS.has(word) || list.includes(`\n${word}\n`));
    },
  };
}

/** What belongs to this product and its users, and the phrase of a famous drawing (xkcd.com/936). */
const OURS = new Set([
  ...["linux", "linuxpatchmanager", "patchmanager", "patchagent", "patchexecutor", "patching", "updates"],
  ...["administrator", "changeme", "changemenow", "letmein", "correcthorsebatterystaple"],
]);

/** Most digits and marks around a word that are still a habit: a date, a year, a few exclamation marks. */
const DECORATION = 8;
/** A shorter rest says nothing about the whole. */
const SHORTEST_CORE = 4;

/** The password as it is and without the usual disguises, in lower case. */
function variants(password: string): Set<string> {
  const found = new Set<string>();
  const lower = password.toLowerCase();
  for (const text of [lower, lower.replace(/[^\p{L}\p{N}@$!]/gu, "")]) {
    const once = unit(text);
    for (const whole of [text, once]) {
      found.add(whole);
      for (const core of cores(whole)) {
        found.add(core);
        found.add(letters(core));
        found.add(unit(core));
      }
    }
  }
  found.delete("");
  return found;
}

/** Without what stands before the first letter, behind the last, or both. */
function* cores(text: string): Generator<string> {
  const front = text.replace(/^[^\p{L}]+/u, "");
  const back = text.replace(/[^\p{L}]+$/u, "");
  // Marks that stand for letters may be the word's own edge: $ecret, pa$$.
  const both = front.replace(/[^\p{L}]+$/u, "");
  const marked = text.replace(/^[^\p{L}@$]+/u, "").replace(/[^\p{L}@$]+$/u, "");
  yield text;
  for (const core of [front, back, both, marked]) {
    if (core.length >= SHORTEST_CORE && text.length - core.length <= DECORATION) yield core;
  }
}

const LETTERS: Record<string, string> = {
  ...{ "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g" },
  ...{ "@": "a", "$": "s", "!": "i" },
};

/** With the digits and marks that people write for letters turned back. */
function letters(text: string): string {
  return text.replace(/[01345789@$!]/g, (mark) => LETTERS[mark] ?? mark);
}

/** The part that a text repeats from end to end, or the text itself: abcabc is abc. */
function unit(text: string): string {
  const at = (text + text).indexOf(text, 1);
  return text.length % at === 0 ? text.slice(0, at) : text;
}
