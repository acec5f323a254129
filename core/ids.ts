import { type Clock, epochMs, systemClock } from "./clock.ts";

/**
 * UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then random bits. It names everything a person
 * or another machine refers to; ordered by time, so that it is kind to B-tree indexes.
 */
export function uuidv7(clock: Clock = systemClock): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  writeTime(bytes, epochMs(clock));
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Crockford's base 32: no I, L, O, U. */
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** ULID: 26 characters, 48 bits of Unix milliseconds and 80 random bits. It names requests. */
export function ulid(clock: Clock = systemClock): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  writeTime(bytes, epochMs(clock));
  let value = BigInt("0x" + bytes.toHex());
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** True for the text form of any UUID: what a path segment must be before it reaches SQL. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** True for a ULID in capitals, as {@link ulid} writes it. */
export function isUlid(text: string): boolean {
  return ULID.test(text);
}

/** 256 random bits as 43 characters of base64url: session tokens, enrolment tokens, polling tokens. */
export function secretToken(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** SHA-256 of UTF-8 text: what the database keeps instead of a token. */
export async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function writeTime(bytes: Uint8Array, ms: number): void {
  new DataView(bytes.buffer).setUint16(0, Math.floor(ms / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, ms % 2 ** 32);
}
