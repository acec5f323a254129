import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { generateSecret, generateSync, generateURI } from "otplib";
import { CODE_DIGITS, CODE_SECONDS, CODE_WINDOW, SECRET_BYTES, stepAt } from "./rules.ts";

/** Who makes the code, as the app shows it above the user's name. */
const ISSUER = "Linux Patch Manager";

/** A new secret in base 32 (RFC 4648), as apps take it: 32 characters. */
export function newSecret(): string {
  return generateSecret({ length: SECRET_BYTES });
}

/** What the QR code says (Google's key URI format, which every app reads). */
export function otpauthUri(secret: string, username: string): string {
  return generateURI({ issuer: ISSUER, label: username, secret });
}

/** The code of an instant (RFC 6238 with SHA-1). */
export function codeAt(secret: string, instant: Temporal.Instant): string {
  return codeOf(secret, stepAt(instant));
}

function codeOf(secret: string, step: number): string {
  return generateSync({ secret, epoch: step * CODE_SECONDS, period: CODE_SECONDS, digits: CODE_DIGITS });
}

/**
 * The step whose code was typed: the present one or its neighbours, and none up to `after`, whose codes have been used.
 * Null when the code fits none.
 */
export function matchingStep(secret: string, code: string, now: Temporal.Instant, after: number): number | null {
  const present = stepAt(now);
  let found: number | null = null;
  // All are looked at, so that the time says nothing.
  for (let step = present - CODE_WINDOW; step <= present + CODE_WINDOW; step++) {
    const fits = timingSafeEqual(Buffer.from(codeOf(secret, step)), Buffer.from(code));
    if (fits && step > after) found ??= step;
  }
  return found;
}
