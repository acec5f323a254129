import { AppError } from "../../core/errors.ts";
import { define } from "../(_role)/state.ts";

const SAFE = new Set(["GET", "HEAD"]);

/**
 * Stops other sites from acting with a person's cookie. A request that changes something, or opens a socket, must name
 * our own origin; browsers always send it there. Requests without cookie and Origin come from programs, which get no
 * session from a cookie.
 */
export const originGuard = define.middleware((ctx) => {
  const { headers, method } = ctx.req;
  const has_cookie = headers.has("cookie");
  const origin = headers.get("origin");
  const changes = !SAFE.has(method) || ctx.kind === "upgrade";
  if (changes && (origin !== null || has_cookie)) {
    const own = [`https://${headers.get("host")}`, ctx.state.services.public_url];
    if (origin === null || !own.includes(origin)) throw new AppError("origin_refused");
  }
  // A foreign page may not read our answers either; following a link to us stays possible.
  const foreign = ["cross-site", "same-site"].includes(headers.get("sec-fetch-site") ?? "");
  if (has_cookie && foreign && headers.get("sec-fetch-mode") !== "navigate") throw new AppError("origin_refused");
  return ctx.next();
});
