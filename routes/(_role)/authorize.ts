import { AppError } from "../../core/errors.ts";
import { isRecent } from "../../core/auth/recent.ts";
import type { Role as UserRole, ViewerToken } from "../../core/auth/types.ts";
import { scopeOf } from "../../core/tokens/scopes.ts";
import type { Context, RouteAccess } from "../../web/mod.ts";
import type { State } from "./state.ts";

/**
 * What each role may do, the ones after it may too, but for what tells of all (`tells_all`): that is not for operators.
 * A machine (`agent`) proves itself in its own handler.
 */
const RANK: Record<UserRole, number> = { auditor: 1, operator: 2, admin: 3 };

/** Where somebody may go who has not finished signing in, whatever is still missing. */
const ALWAYS_OPEN = ["/logout", "/preferences", "/api/v1/auth/logout", "/api/v1/auth/me"];
/** Where somebody with a one-time password may go: to change it, and out. */
const OPEN_BEFORE_PASSWORD_CHANGE = new Set([...ALWAYS_OPEN, "/password", "/api/v1/auth/password"]);
/** While the second factor is asked for: to where it is given. */
const OPEN_BEFORE_FACTOR = new Set([
  ...ALWAYS_OPEN,
  "/login/factor",
  "/login/recovery",
  "/api/v1/auth/factor",
  "/api/v1/auth/recovery-code",
]);
/** While there is no second factor: to where one is set up. */
const OPEN_BEFORE_ENROLMENT = new Set([
  ...ALWAYS_OPEN,
  "/setup",
  "/setup/app",
  "/setup/passkey",
  "/api/v1/auth/factors",
  "/api/v1/auth/factors/totp/setup",
  "/api/v1/auth/factors/totp",
  "/api/v1/auth/factors/passkeys/options",
  "/api/v1/auth/factors/passkeys",
]);

/** All that a wall screen is for, and the way out. */
const OPEN_TO_WALL_SCREENS = new Set([
  "GET /",
  "GET /dashboard",
  "POST /api/v1/ws/ticket",
  "GET /api/v1/ws/jobs",
  "POST /logout",
]);

/**
 * Decides for exactly the route that matched. Pages send people to where they can help themselves, the API says what
 * is wrong.
 * @throws AppError not_signed_in, session_expired, token_refused, token_scope_missing, token_not_allowed,
 *   second_factor_required, password_change_required, factor_enrolment_required, wall_screen, forbidden,
 *   confirmation_required
 */
export function authorize(access: RouteAccess, ctx: Context<State>): Response | void {
  if (access.role === "anonymous" || access.role === "agent") return;
  const { viewer, session_ended } = ctx.state;
  const is_page = ctx.kind === "page";
  if (ctx.state.token_refused) throw ctx.state.token_refused;
  if (!viewer) {
    if (is_page && ctx.req.method === "GET") return ctx.redirect(`/login?next=${encodeURIComponent(local(ctx.url))}`);
    throw new AppError(session_ended ? "session_expired" : "not_signed_in");
  }
  if (viewer.stage === "factor") {
    if (OPEN_BEFORE_FACTOR.has(ctx.route)) return;
    if (is_page) return ctx.redirect("/login/factor");
    throw new AppError("second_factor_required");
  }
  if (viewer.must_change_password && !OPEN_BEFORE_PASSWORD_CHANGE.has(ctx.route)) {
    if (is_page) return ctx.redirect("/password");
    throw new AppError("password_change_required");
  }
  if (viewer.stage === "enrol" && !viewer.must_change_password && !OPEN_BEFORE_ENROLMENT.has(ctx.route)) {
    if (is_page) return ctx.redirect("/setup");
    throw new AppError("factor_enrolment_required");
  }
  if (viewer.session_kind === "wall") {
    const method = ctx.req.method === "HEAD" ? "GET" : ctx.req.method;
    if (!OPEN_TO_WALL_SCREENS.has(`${method} ${ctx.route}`)) throw new AppError("wall_screen");
  }
  if (!mayCall(viewer.role, access)) throw new AppError("forbidden");
  if (viewer.token) refuseOutOfScope(viewer.token, access, ctx);
  // Whoever has no second factor yet has just given the password, and nothing else to confirm with.
  if (access.recent && viewer.stage === "full" && !isRecent(viewer, ctx.state.services.clock)) {
    if (is_page && ctx.req.method === "GET") return ctx.redirect(`/confirm?next=${encodeURIComponent(local(ctx.url))}`);
    throw new AppError("confirmation_required");
  }
}

/** A token may what its scopes say, below /api only; one that is limited to groups only what belongs to hosts. */
function refuseOutOfScope(token: ViewerToken, access: RouteAccess, ctx: Context<State>): void {
  const scope = scopeOf({ method: ctx.req.method, pattern: ctx.route, kind: ctx.kind, access });
  if (scope === "open") return;
  if (scope === null || scope === "never") throw new AppError("token_not_allowed");
  const problem = (text: string) => ({ details: [{ field: "scopes", problem: text }] });
  if (!token.scopes.includes(scope)) {
    throw new AppError("token_scope_missing", problem(`"${scope}" is missing.`));
  }
  if (token.limited && access.scope !== "hosts") {
    throw new AppError("token_scope_missing", problem("It is limited to groups, and this belongs to no host."));
  }
}

/** True when the role alone lets somebody in. */
export function mayCall(role: UserRole, { role: needed, tells_all }: RouteAccess): boolean {
  if (needed === "anonymous" || needed === "agent") return true;
  return RANK[role] >= RANK[needed] && !(tells_all && role === "operator");
}

function local(url: URL): string {
  return url.pathname + url.search;
}
