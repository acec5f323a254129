import type { Problem } from "../errors.ts";
import type { Blocklist } from "./blocklist.ts";

/** At most this many characters: nobody types more, and hashing stays cheap (NIST SP 800-63B-4, 3.1.1.2: at least 64). */
export const LONGEST_PASSWORD = 128;

/**
 * At least this many characters. Alone a password needs 15 (NIST SP 800-63B-4, 3.1.1.2); with a second factor 8 would do
 * by the same page, and 12 are asked for.
 *
 * @param only_factor true where nothing else is asked for. Every local user has a second factor.
 */
export function shortestPassword(only_factor: boolean): number {
  return only_factor ? 15 : 12;
}

/** Whose password it is to be, and what stands beside it. */
export interface PasswordOwner {
  username: string;
  display_name?: string;
  /** Nothing else is asked for at sign-in. */
  only_factor?: boolean;
}

/**
 * What is wrong with a new password; empty when it will do. Length, the obvious, and whether it is among those that are
 * tried first; no recipe of character classes, no date by which it must be changed (NIST SP 800-63B-4, 3.1.1.2). Any
 * Unicode is a character.
 */
export async function passwordProblems(
  password: string,
  { username, display_name = "", only_factor = false }: PasswordOwner,
  blocklist: Blocklist,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const say = (problem: string, hint: string) => problems.push({ field: "new_password", problem, hint });
  const text = password.toWellFormed().normalize("NFKC");
  const characters = [...text];
  const least = shortestPassword(only_factor);
  if (characters.length < least) {
    const has = characters.length === 1 ? "1 character" : `${characters.length} characters`;
    say(`It has ${has}, at least ${least} are needed.`, "A few words in a row are easy to remember.");
  }
  if (characters.length > LONGEST_PASSWORD) {
    say(`It is longer than ${LONGEST_PASSWORD} characters.`, "Use a shorter one.");
    return problems;
  }
  const plain = text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  if (holdsName(plain, username)) say("It contains your user name.", "Leave the name out.");
  else if (holdsName(plain, display_name)) say("It contains your name.", "Leave the name out.");
  if (new Set(characters).size < 5) say("It repeats too few characters.", "Use at least five different ones.");
  if (isRun(characters)) say("It is a simple run of characters.", "Mix words that do not belong together.");
  if (characters.length >= least && await blocklist.isCommon(text)) {
    say("It is among the passwords that everybody tries first.", "Mix words that do not belong together.");
  }
  return problems;
}

function holdsName(plain: string, name: string): boolean {
  const bare = name.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return bare.length >= 3 && plain.includes(bare);
}

/** True for abcdefghijkl, 123456789012 and their like, forwards or backwards. */
function isRun(characters: readonly string[]): boolean {
  const codes = characters.map((character) => character.codePointAt(0)!);
  return codes.length > 2 &&
    [1, -1].some((step) => codes.slice(1).filter((code, i) => code - codes[i] === step).length >= codes.length - 2);
}
