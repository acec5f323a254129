import { AppError } from "../../core/errors.ts";
import type { Role as UserRole } from "../../core/auth/types.ts";
import type { Context, RouteAccess } from "../../web/mod.ts";
import type { State } from "./state.ts";

/** Each role may do what the ones before it may. A machine (`agent`) proves itself in its own handler. */
const RANK: Record<UserRole, number> = { auditor: 1, operator: 2, admin: 3 };

/** Where somebody with a one-time password may go: to change it, and out. */
const OPEN_BEFORE_PASSWORD_CHANGE = new Set([
  "/password",
  "/logout",
  "/preferences",
  "/api/v1/auth/password",
  "/api/v1/auth/logout",
  "/api/v1/auth/me",
]);

/**
 * Decides for exactly the route that matched. Pages send people to where they can help themselves, the API says what
 * is wrong.
 * @throws AppError not_signed_in, session_expired, password_change_required, forbidden
 */
export function authorize(access: RouteAccess, ctx: Context<State>): Response | void {
  if (access.role === "anonymous" || access.role === "agent") return;
  const { viewer, session_ended } = ctx.state;
  const is_page = ctx.kind === "page";
  if (!viewer) {
    if (is_page && ctx.req.method === "GET") return ctx.redirect(`/login?next=${encodeURIComponent(local(ctx.url))}`);
    throw new AppError(session_ended ? "session_expired" : "not_signed_in");
  }
  if (viewer.must_change_password && !OPEN_BEFORE_PASSWORD_CHANGE.has(ctx.route)) {
    if (is_page) return ctx.redirect("/password");
    throw new AppError("password_change_required");
  }
  if (RANK[viewer.role] < RANK[access.role]) throw new AppError("forbidden");
}

function local(url: URL): string {
  return url.pathname + url.search;
}
