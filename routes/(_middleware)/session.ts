import { authenticate } from "../../core/auth/sessions.ts";
import { AppError } from "../../core/errors.ts";
import { authenticateToken, looksLikeToken } from "../../core/tokens/authenticate_token.ts";
import { define } from "../(_role)/state.ts";
import { RAIL_COOKIE, readCookie, SESSION_COOKIE, sessionCookie, THEME_COOKIE } from "../(_role)/cookies.ts";

/**
 * Finds out who is asking: a bearer token of an API client, or a browser's cookie. The cookie's token is replaced
 * before the handler runs, so that a copied one ends the session soon.
 */
export const session = define.middleware(async (ctx) => {
  // Nobody is asked who they are, so that it answers without a database.
  if (ctx.route === "/status/health") return await ctx.next();
  const { services } = ctx.state;
  const cookies = ctx.req.headers.get("cookie");
  const theme = readCookie(cookies, THEME_COOKIE);
  ctx.state.theme = theme === "light" || theme === "dark" ? theme : null;
  ctx.state.rail_hidden = readCookie(cookies, RAIL_COOKIE) === "collapsed";
  const bearer = /^Bearer ([A-Za-z0-9_-]+)$/.exec(ctx.req.headers.get("authorization") ?? "")?.[1];
  if (bearer && looksLikeToken(bearer)) return await withApiToken(ctx, bearer);
  const token = bearer ?? readCookie(cookies, SESSION_COOKIE);
  if (!token) return await isForeignVisit(ctx.req) ? reloadOnce(ctx.url) : ctx.next();
  const { address, request_id } = ctx.state;
  const kind = bearer ? "api" : "browser";
  const found = await authenticate(services.sql, token, kind, services.clock, { address, request_id });
  ctx.state.viewer = found.viewer;
  ctx.state.session_ended = found.viewer === null;
  const answer = await ctx.next();
  // A handler that opened or ended a session has said what the browser keeps; other cookies are no reason.
  const decided = answer.headers.getSetCookie().some((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`));
  if (found.viewer && found.replacement && !decided) {
    answer.headers.append("set-cookie", sessionCookie(found.replacement));
  }
  return answer;
});

/** An API token stands for its maker, as they are now. What is open to everybody stays so with a token that is no good. */
async function withApiToken(ctx: Parameters<Parameters<typeof define.middleware>[0]>[0], token: string) {
  const { services, address, request_id } = ctx.state;
  const { sql, refusals, clock } = services;
  try {
    ctx.state.viewer = await authenticateToken(sql, token, { address, request_id }, refusals, clock);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    ctx.state.token_refused = thrown;
  }
  return await ctx.next();
}

/** A link on another site: the browser holds back our SameSite=Strict cookie on this first request only. */
function isForeignVisit({ method, headers }: Request): boolean {
  return method === "GET" && headers.get("sec-fetch-site") === "cross-site" &&
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
}

/** A page that loads itself again, now from our own site, so that the cookie comes along. */
function reloadOnce(url: URL): Response {
  // Of one slash only: "//evil.example" is an address of another site.
  const path = url.pathname.replace(/^\/{2,}/, "/") + url.search;
  const to = path.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  const html = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Linux Patch Manager</title>` +
    `<meta http-equiv="refresh" content="0;url=${to}"></head><body><p><a href="${to}">Go on</a></p></body></html>`;
  return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
}
