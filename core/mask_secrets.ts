/** What stands for a secret that was taken out of a text. */
export const MASK = "•••";

// Each repetition has an end, so that a hostile text costs time that grows with its length only.

/** `https://host/path?query`: whatever the query holds, the address says enough without it. */
const QUERY = /\b((?:https?|wss?):\/\/[^\s"'<>?#]{0,2000})\?[^\s"'<>]*/gi;
/** The name and password in `postgres://name:password@host`. */
const USER_INFORMATION = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{0,256}:[^\s/@"']{0,256}@/gi;
/** An Authorization header's value. */
const AUTHORIZATION = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{12,}/gi;
/** Our own cookies. */
const COOKIE = /(__(?:Host|Secure)-[A-Za-z0-9_-]{1,64})=[^\s;,"']+/g;
/** An API token of ours, a JSON Web Token (RFC 7519). */
const TOKEN = /\blpm_[A-Za-z0-9_-]{16,}|\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]+/g;
const NAMES = "[a-z_]{0,20}(?:password|passwd|passphrase|secret|token|ticket|api_?key)";
/** `"password": "…"`. */
const MEMBER = new RegExp(`("${NAMES}"\\s{0,9}:\\s{0,9}")(?:[^"\\\\]|\\\\.){1,4000}`, "gi");
/** `password=…`. */
const PAIR = new RegExp(`((?:^|[^a-z0-9])${NAMES}=["']?)[^\\s"',;&}]+`, "gi");

/**
 * A text for the log without what it must not hold: words of libraries and of other machines may quote a request's
 * address, a header or a connection string. It is the second line; the first is not to put secrets into words.
 */
export function maskSecrets(text: string): string {
  return text
    .replace(QUERY, `$1?${MASK}`)
    .replace(USER_INFORMATION, `$1${MASK}@`)
    .replace(AUTHORIZATION, `$1 ${MASK}`)
    .replace(COOKIE, `$1=${MASK}`)
    .replace(TOKEN, MASK)
    .replace(MEMBER, `$1${MASK}`)
    .replace(PAIR, `$1${MASK}`);
}
