import { type Clock, epochMs } from "../../core/clock.ts";

/**
 * The refresh token. `__Host-`: only over TLS, only for this host, only for the whole path (RFC 6265bis, 4.1.3.2).
 */
export const SESSION_COOKIE = "__Host-session";
/** The access token that was made of it: good for minutes, and checked without the database. */
export const ACCESS_COOKIE = "__Host-access";
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

/** Set-Cookie for a session's refresh token, which the browser keeps until the session ends at the latest. */
export function sessionCookie(token: string, expires_at: Temporal.Instant, clock: Clock): string {
  return secretCookie(SESSION_COOKIE, token, Math.floor((expires_at.epochMilliseconds - epochMs(clock)) / 1000));
}

/** Set-Cookie for an access token. @param expires_in seconds */
export function accessCookie(token: string, expires_in: number): string {
  return secretCookie(ACCESS_COOKIE, token, expires_in);
}

/** Set-Cookie headers that make the browser forget the session. */
export function endedCookies(): string[] {
  return [secretCookie(SESSION_COOKIE, "", 0), secretCookie(ACCESS_COOKIE, "", 0)];
}

function secretCookie(name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${Math.max(0, seconds)}`;
}

/** Set-Cookie for a preference; null forgets it. */
export function preferenceCookie(name: typeof THEME_COOKIE | typeof RAIL_COOKIE, value: string | null): string {
  return `${name}=${value ?? ""}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${value === null ? 0 : 365 * 86_400}`;
}
