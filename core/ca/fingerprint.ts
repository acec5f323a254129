/** SHA-256 over the DER of a certificate: 64 lower-case hexadecimal digits. */
export async function fingerprint(der: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toHex();
}

/** The form for people and for comparing by eye: capitals in pairs with colons, as openssl prints it. */
export function displayFingerprint(hex: string): string {
  return hex.toUpperCase().match(/../g)?.join(":") ?? "";
}

/**
 * Reads both forms, with an optional `sha256:` or `SHA256 Fingerprint=` in front as tools print it.
 * Answers 64 lower-case digits, or null when the text is anything else.
 */
export function parseFingerprint(text: string): string | null {
  const bare = text.trim().replace(/^sha-?256(?::| fingerprint=)/i, "");
  if (/^[0-9a-f]{64}$/i.test(bare)) return bare.toLowerCase();
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){31}$/i.test(bare)) return bare.replaceAll(":", "").toLowerCase();
  return null;
}
