import type { Problem } from "../errors.ts";
import type { Stage } from "./types.ts";

/** A session that nobody uses ends after this many minutes (specification, section 10: 1 hour). */
export const IDLE_MINUTES = 60;
/** A session ends after this many hours even when it is used. */
export const LIFETIME_HOURS = 24;
/** The same by stage, in minutes: whoever has not finished signing in has no session to keep. */
export const LIFETIME_MINUTES: Record<Stage, number> = { factor: 10, enrol: 60, full: LIFETIME_HOURS * 60 };
/** A browser's token is replaced when it is older than this, in seconds. */
export const ROTATE_AFTER_SECONDS = 300;
/** For so long the token before is still honoured: two tabs ask at the same moment. Seconds. */
export const PREVIOUS_TOKEN_SECONDS = 30;
/** How often the use of a session is written down, in seconds; less often than every request. */
export const TOUCH_SECONDS = 60;

/** What an attempt is counted under, and how long it takes to be slowed down and to what extent. */
export interface ThrottleRule {
  /** Failures that cost nothing. */
  free: number;
  /** Longest pause, in seconds: nobody is locked out for ever. */
  longest: number;
}

/**
 * Failures count three ways. The pair stops one person guessing at one account; the address stops one machine
 * guessing at many; the account, slowed only a little, stops many machines guessing at one without handing them a
 * way to keep its owner out.
 */
export const THROTTLES: Record<"pair" | "address" | "account", ThrottleRule> = {
  pair: { free: 5, longest: 900 },
  address: { free: 20, longest: 900 },
  account: { free: 20, longest: 30 },
};

/** Failures older than this are forgotten. Seconds. */
export const FORGET_FAILURES_SECONDS = 3600;

/** Pause in seconds after so many failures in a row: 0 while they are free, then 1, 2, 4 … up to the longest. */
export function pauseAfter(rule: ThrottleRule, failures: number): number {
  if (failures <= rule.free) return 0;
  return Math.min(rule.longest, 2 ** Math.min(failures - rule.free - 1, 20));
}

/** At least this many characters (NIST SP 800-63B-4, 3.1.1.2: 15 alone, 8 with a second factor; between them). */
export const PASSWORD_LENGTH = 12;

const EVERYBODYS = [
  "password",
  "passw0rd",
  "qwerty",
  "qwertz",
  "letmein",
  "welcome",
  "iloveyou",
  "administrator",
  "changeme",
  "linux",
  "patch-manager",
  "patchmanager",
  "correcthorsebatterystaple",
];

/**
 * What is wrong with a new password; empty when it will do. Length and the obvious are judged, no recipe of
 * character classes (NIST SP 800-63B-4, 3.1.1.2).
 */
export function passwordProblems(password: string, username: string): Problem[] {
  const problems: Problem[] = [];
  const say = (problem: string, hint: string) => problems.push({ field: "new_password", problem, hint });
  const length = [...password].length;
  if (length < PASSWORD_LENGTH) {
    say(
      `It has ${length} characters, at least ${PASSWORD_LENGTH} are needed.`,
      "A few words in a row are easy to remember.",
    );
  }
  if (password.length > 1024) say("It is longer than 1,024 characters.", "Use a shorter one.");
  const plain = password.toLowerCase().replace(/[^a-z0-9-]/g, "");
  if (username.length >= 3 && plain.includes(username.toLowerCase())) {
    say("It contains your user name.", "Leave the name out.");
  }
  if (new Set(password).size < 5) say("It repeats too few characters.", "Use at least five different ones.");
  if (isRun(password)) say("It is a simple run of characters.", "Mix words that do not belong together.");
  const core = plain.replace(/[0-9-]+$/, "").replace(/^[0-9-]+/, "");
  if (EVERYBODYS.includes(core) || EVERYBODYS.includes(plain)) {
    say("It is among the passwords that everybody tries first.", "Mix words that do not belong together.");
  }
  return problems;
}

/** True for abcdefghijkl, 123456789012 and their like, forwards or backwards. */
function isRun(password: string): boolean {
  const codes = [...password].map((character) => character.codePointAt(0)!);
  return [1, -1].some((step) =>
    codes.slice(1).filter((code, i) => code - codes[i] === step).length >= codes.length - 2
  );
}

const READABLE = "23456789abcdefghjkmnpqrstuvwxyz";

/** A one-time password that a person can type from a terminal: 20 characters in groups of four, 99 bits. */
export function oneTimePassword(): string {
  let text = "";
  while (text.length < 20) {
    // Bytes above the last whole multiple are thrown away, so that every character is equally likely.
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      if (byte < 248 && text.length < 20) text += READABLE[byte % 31];
    }
  }
  return text.match(/.{4}/g)!.join("-");
}

/**
 * User names are compared in lower case, after Unicode compatibility normalisation. NUL and unpaired surrogates, which
 * the database cannot hold, become U+FFFD: such a name is unknown, not an error.
 */
export function canonicalUsername(typed: string): string {
  return typed.toWellFormed().replaceAll("\u0000", "\ufffd").normalize("NFKC").trim().toLowerCase();
}
