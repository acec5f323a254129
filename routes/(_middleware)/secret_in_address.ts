import { AppError } from "../../core/errors.ts";
import { define } from "../(_role)/state.ts";

/** Names under which people and libraries put secrets into addresses (RFC 6750, 2.3 has the first). */
const NAMES = new Set([
  "access_token",
  "api_key",
  "api_token",
  "apikey",
  "auth",
  "authorization",
  "bearer",
  "jwt",
  "password",
  "refresh_token",
  "secret",
  "session",
  "token",
]);

/** An API token or a JWT, whatever it is called. */
const SECRET = /^(Bearer\s+)?(lpm_[A-Za-z0-9_-]{8}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.)/;

/**
 * Refuses secrets in the query of an address: proxies, histories and screens keep those. Our own log does not, since it
 * holds route patterns. A live socket's ticket is none of these: it works once and for a minute.
 */
export const secretInAddress = define.middleware((ctx) => {
  for (const [name, value] of ctx.url.searchParams) {
    if (!NAMES.has(name.toLowerCase()) && !SECRET.test(value)) continue;
    throw new AppError("bad_request", {
      message: "A secret must not stand in an address.",
      hint: "Send it in the header Authorization, or in the body. Whatever was sent so is known to others: replace it.",
    });
  }
  return ctx.next();
});
