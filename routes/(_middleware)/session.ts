import { endReplaced } from "../../core/auth/end_sessions.ts";
import type { Viewer } from "../../core/auth/types.ts";
import { AppError } from "../../core/errors.ts";
import { authenticateToken, looksLikeToken } from "../../core/tokens/authenticate_token.ts";
import { define } from "../(_role)/state.ts";
import { ACCESS_COOKIE, RAIL_COOKIE, readCookie, SESSION_COOKIE, THEME_COOKIE } from "../(_role)/cookies.ts";
import { decidesSession, keepSession } from "../(_role)/keep_session.ts";

/** What a page of ours sends with what nobody asked for: it renews itself, and that keeps no session alive. */
export const UNATTENDED_HEADER = "x-unattended";

/** Whoever ended a session, changed a role or a name here finds it so with their next request, wherever that arrives. */
export const session = define.middleware(async (ctx) => {
  // What fails after a handler has done its work has changed something too.
  let status = 500;
  try {
    const answer = await identified(ctx);
    status = answer.status;
    return answer;
  } finally {
    if (mayHaveChanged(ctx.req.method, status)) ctx.state.services.sessions.revocations.forget();
  }
});

/** A refusal has changed nothing: strangers who guess passwords make nobody's requests slower. */
function mayHaveChanged(method: string, status: number): boolean {
  return method !== "GET" && method !== "HEAD" && (status < 400 || status >= 500);
}

type Ctx = Parameters<Parameters<typeof define.middleware>[0]>[0];

/**
 * Finds out who is asking: by the access token of an API client, or that of a browser's cookie. Where a browser's has
 * ended, the refresh token of its other cookie is exchanged before the handler runs, on GET too, so that a copied one
 * ends the session soon.
 */
async function identified(ctx: Ctx): Promise<Response> {
  // Nobody is asked who they are, so that it answers without a database.
  if (ctx.route === "/status/health") return await ctx.next();
  const { services, address, request_id } = ctx.state;
  const { headers } = ctx.req;
  const cookies = headers.get("cookie");
  const theme = readCookie(cookies, THEME_COOKIE);
  ctx.state.theme = theme === "light" || theme === "dark" ? theme : null;
  ctx.state.rail_hidden = readCookie(cookies, RAIL_COOKIE) === "collapsed";
  const attended = !headers.has(UNATTENDED_HEADER);
  const authorization = headers.get("authorization") ?? "";
  // Other schemes are for whoever stands before us, such as a proxy with a password of its own.
  if (/^Bearer\b/i.test(authorization)) {
    const bearer = /^Bearer ([A-Za-z0-9._-]+)$/.exec(authorization)?.[1];
    if (bearer && looksLikeToken(bearer)) return await withApiToken(ctx, bearer);
    ctx.state.viewer = bearer ? await services.sessions.viewerOf(bearer, ["api"], attended) : null;
    ctx.state.session_ended = ctx.state.viewer === null;
    return await ctx.next();
  }
  const access_token = readCookie(cookies, ACCESS_COOKIE);
  const refresh_token = readCookie(cookies, SESSION_COOKIE);
  if (!access_token && !refresh_token) return await isForeignVisit(ctx.req) ? reloadOnce(ctx.url) : ctx.next();
  if (access_token) {
    ctx.state.viewer = await services.sessions.viewerOf(access_token, ["browser", "wall"], attended);
    if (ctx.state.viewer) return await withSession(ctx, ctx.state.viewer);
  }
  const origin = { address, request_id, attended };
  const found = await services.sessions.refresh(refresh_token ?? "", ["browser", "wall"], origin);
  ctx.state.viewer = found.viewer;
  ctx.state.session_ended = found.viewer === null;
  ctx.state.session_copied = found.viewer === null && found.why === "reused";
  const answer = found.viewer ? await withSession(ctx, found.viewer) : await ctx.next();
  // A handler that opened or ended a session has said what the browser keeps.
  return found.opened && !decidesSession(answer) ? await keepSession(answer, services, found.opened) : answer;
}

/** A browser has one session: where the handler gave it another one, or none, the one that it came with has ended. */
async function withSession(ctx: Ctx, { session_id }: Viewer): Promise<Response> {
  const answer = await ctx.next();
  const { sql, clock, sessions } = ctx.state.services;
  if (decidesSession(answer)) {
    await endReplaced(sql, session_id, clock);
    sessions.revocations.end(session_id);
  }
  return answer;
}

/** An API token stands for its maker, as they are now. What is open to everybody stays so with a token that is no good. */
async function withApiToken(ctx: Ctx, token: string) {
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
