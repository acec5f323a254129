import { LIFETIME_HOURS } from "../../core/auth/rules.ts";

/** `__Host-`: only over TLS, only for this host, only for the whole path (RFC 6265bis, 4.1.3.2). */
export const SESSION_COOKIE = "__Host-session";
/** Light or dark; no secret, so that a proxy's plain page may read it too. */
export const THEME_COOKIE = "theme";

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

/** Set-Cookie for the theme; `system` forgets the choice. */
export function themeCookie(theme: "light" | "dark" | "system"): string {
  const age = theme === "system" ? 0 : 365 * 86_400;
  return `${THEME_COOKIE}=${theme}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${age}`;
}
