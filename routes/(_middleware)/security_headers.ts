import { define } from "../(_role)/state.ts";

/** What a page may load and do. Nothing is inline, so nothing needs a nonce. */
const CONTENT_SECURITY_POLICY = [
  // What is not named below is not allowed.
  "default-src 'none'",
  // No plug-ins; said by itself for those who look for it.
  "object-src 'none'",
  // Our bundles; the data block of islands is no script.
  "script-src 'self'",
  // Our style sheet. Islands style through the DOM, which this does not stop.
  "style-src 'self'",
  // Icons and charts; data: for QR codes, which must not travel in an address.
  "img-src 'self' data:",
  "font-src 'self'",
  // The API and the live socket of this origin.
  "connect-src 'self'",
  "form-action 'self'",
  // A <base> put in by injection would redirect every relative address.
  "base-uri 'none'",
  // No other site may put us into a frame (clickjacking).
  "frame-ancestors 'none'",
].join("; ");

/** For answers that no middleware sees, too. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  // Addresses hold host and job ids: they stay on this site.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
};

/** Headers that tell the browser to be strict; pages and API answers are never kept in a cache. */
export const securityHeaders = define.middleware(async (ctx) => {
  const answer = await ctx.next();
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!answer.headers.has(name)) answer.headers.set(name, value);
  }
  if (!answer.headers.has("cache-control")) answer.headers.set("cache-control", "no-store");
  return answer;
});
