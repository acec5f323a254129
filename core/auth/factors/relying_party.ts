import { isIP } from "node:net";

/** Whom passkeys are made for (WebAuthn Level 3, 4: relying party). */
export interface RelyingParty {
  /** The host name that a passkey is bound to for ever. */
  id: string;
  /** `https://patch.example.org:8443`: the only place where it is asked for. */
  origin: string;
}

/** Whether passkeys can be used at all, and if not, why, in words. */
export type Passkeys = { party: RelyingParty; unavailable: null } | { party: null; unavailable: string };

/**
 * Passkeys belong to a name: that of `server.public_url`, or `localhost` on this machine. An address has none. A browser
 * that came under another name is told so by itself: it compares where it is with `origin`.
 *
 * @param public_url as configured, null when it is not
 * @param asked where the page was opened
 */
export function passkeysAt(public_url: string | null, asked: URL): Passkeys {
  const own = public_url === null ? null : new URL(public_url);
  if (own && isName(own.hostname)) {
    return { party: { id: own.hostname, origin: `https://${own.host}` }, unavailable: null };
  }
  if (!own && asked.hostname === "localhost") {
    return { party: { id: "localhost", origin: `https://${asked.host}` }, unavailable: null };
  }
  const unavailable = own
    ? "Passkeys need a name, and this manager is reached by an address only."
    : "Passkeys need a name: an admin sets server.public_url in the configuration.";
  return { party: null, unavailable };
}

function isName(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
}
