import type { Stage } from "./types.ts";

/** A session ends after this many hours even when it is used. */
export const LIFETIME_HOURS = 24;
/** The same by stage, in minutes: whoever has not finished signing in has no session to keep. */
export const LIFETIME_MINUTES: Record<Stage, number> = { factor: 10, enrol: 60, full: LIFETIME_HOURS * 60 };
/** A wall screen's ends after this many days. */
export const WALL_DAYS = 30;
/** An access token is good for so long at most, in minutes (specification, section 10). */
export const ACCESS_TOKEN_MINUTES = 15;
/** For so long the refresh token before is still honoured: two tabs ask at the same moment. Seconds. */
export const PREVIOUS_TOKEN_SECONDS = 30;
/** How often the use of a session is written down, in seconds; less often than every request. */
export const TOUCH_SECONDS = 60;

/** A key signs access tokens for so long, in days (specification, section 10). */
export const SIGNING_KEY_DAYS = 90;
/** So long before its turn the next key is made, and so long after it a key still verifies. Hours. */
export const SIGNING_KEY_OVERLAP_HOURS = 24;

/** How long it takes to be slowed down, and to what extent. */
export interface ThrottleRule {
  /** Failures that cost nothing. */
  free: number;
  /** Longest pause, in seconds: nobody is locked out for ever. */
  longest: number;
}

/**
 * What failed attempts are counted under. `known`: an account from a network that its owner has signed in from; nothing
 * else slows that down, so that nobody elsewhere keeps the owner out. `pair`: an account from any other network. `network`
 * and `wide`: one machine, or a rented block, that tries many accounts. `account`: many networks that try one account.
 */
export const THROTTLES = {
  known: { free: 5, longest: 30 },
  pair: { free: 5, longest: 900 },
  network: { free: 20, longest: 900 },
  wide: { free: 60, longest: 900 },
  account: { free: 20, longest: 30 },
} as const satisfies Record<string, ThrottleRule>;
export type Throttle = keyof typeof THROTTLES;

/** Failures older than this are forgotten. Seconds. */
export const FORGET_FAILURES_SECONDS = 3600;

/** For so long after a success a network counts as the owner's. */
export const KNOWN_NETWORK_DAYS = 90;

/** Pause in seconds after so many failures in a row: 0 while they are free, then 1, 2, 4 … up to the longest. */
export function pauseAfter(rule: ThrottleRule, failures: number): number {
  if (failures <= rule.free) return 0;
  return Math.min(rule.longest, 2 ** Math.min(failures - rule.free - 1, 20));
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
