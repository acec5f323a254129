/** Digits of a one-time code, and for how many seconds one is shown (RFC 6238, 5.2; what every app takes). */
export const CODE_DIGITS = 6;
export const CODE_SECONDS = 30;
/** Steps before and after the present one whose code is taken: clocks differ, and typing takes time (RFC 6238, 5.2). */
export const CODE_WINDOW = 1;
/** Bytes of a secret: as many as SHA-1 gives (RFC 4226, 4, R6). */
export const SECRET_BYTES = 20;
/** A secret that is shown must be confirmed within so many minutes. */
export const SETUP_MINUTES = 30;
export const RECOVERY_CODES = 10;
/** What a passkey is asked to sign is good for so many minutes. */
export const CHALLENGE_MINUTES = 5;
/**
 * Questions that stay open at a time: of one session, and of one network where nobody is known yet. With 1,000 somebody
 * in the same office would have to ask a hundred times a second to take away the one that a person is answering.
 */
export const OPEN_CHALLENGES = { session: 20, network: 1_000 } as const;
/** Passkeys of one user. */
export const MOST_PASSKEYS = 20;

/** Wrong codes count per user from one address, and per user from everywhere; never with wrong passwords. */
export const CODE_THROTTLES = {
  pair: { free: 5, longest: 900 },
  // Whoever gets here knows the password. 96 guesses a day at three codes in a million; passkeys stay open.
  account: { free: 15, longest: 900 },
} as const;
/** Wrong passkeys at the login count per network, so that they fill no log. The right one never has to wait. */
export const PASSKEY_THROTTLE = { free: 20, longest: 900 };

/** The time step that an instant lies in. */
export function stepAt(instant: Temporal.Instant): number {
  return Math.floor(instant.epochMilliseconds / 1000 / CODE_SECONDS);
}

/** The six digits that were typed, however they were grouped; null when it is anything else. */
export function canonicalCode(typed: string): string | null {
  const digits = typed.replaceAll(/[\s-]/g, "");
  return /^\d{6}$/.test(digits) ? digits : null;
}

/** Letters and digits that are not taken for each other. */
const READABLE = "23456789abcdefghjkmnpqrstuvwxyz";
const RECOVERY_LENGTH = 24;

/**
 * A recovery code: 24 characters in groups of four, 118 bits. At that length a plain hash of it gives nothing away
 * (OWASP ASVS 5.0, 6.5.2: 112 bits).
 */
export function recoveryCode(): string {
  let text = "";
  while (text.length < RECOVERY_LENGTH) {
    // Bytes above the last whole multiple are thrown away, so that every character is equally likely.
    for (const byte of crypto.getRandomValues(new Uint8Array(48))) {
      if (byte < 248 && text.length < RECOVERY_LENGTH) text += READABLE[byte % 31];
    }
  }
  return groupsOfFour(text, "-");
}

/** What was typed as a recovery code, as it was made; null when it cannot be one. */
export function canonicalRecoveryCode(typed: string): string | null {
  const plain = typed.toLowerCase().replaceAll(/[\s-]/g, "");
  return plain.length === RECOVERY_LENGTH && [...plain].every((one) => READABLE.includes(one))
    ? groupsOfFour(plain, "-")
    : null;
}

/** "JBSWY3DP" as "JBSW Y3DP", to be read aloud and typed. */
export function groupsOfFour(text: string, between = " "): string {
  return text.match(/.{1,4}/g)?.join(between) ?? "";
}
