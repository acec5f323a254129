import { LIFETIME_HOURS } from "../../core/auth/rules.ts";

/** `__Host-`: only over TLS, only for this host, only for the whole path (RFC 6265bis, 4.1.3.2). */
export const SESSION_COOKIE = "__Host-session";
/** Light or dark. No secret, as the one below; the prefix keeps neighbours below the same domain from setting it. */
export const THEME_COOKIE = "__Host-theme";
/** Whether the rail is hidden. */
export const RAIL_COOKIE = "__Host-rail";

/** The value of one cookie in a Cookie header; null when it is not there. The first one wins, as browsers send it. */
export function readCookie(header: string | null, name: string): string | null {
  for (const pair of (header ?? "").split(";")) {
    const [key, ...value] = pair.trim().split("=");
    if (key === name) return value.join("=");
  }
  return null;
}

/** Set-Cookie for a session's token. */
export function sessionCookie(token: string): string {
  return `${SESSION_COOKIE}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${LIFETIME_HOURS * 3600}`;
}

/** Set-Cookie that makes the browser forget the session. */
export function endedSessionCookie(): string {
  return `${SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`;
}

/** Set-Cookie for a preference; null forgets it. */
export function preferenceCookie(name: typeof THEME_COOKIE | typeof RAIL_COOKIE, value: string | null): string {
  return `${name}=${value ?? ""}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${value === null ? 0 : 365 * 86_400}`;
}
