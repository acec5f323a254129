import { revokeSessionsOf } from "../../../../core/users/revoke_sessions.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "session.revoke",
  recent: true,
} as const satisfies RouteAccess;

/** One session, or all of them without a name in the form. */
export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    const which = (await readForm(ctx.req, ["session"])).get("session") || null;
    const own = viewerOf(ctx.state).session_id;
    await revokeSessionsOf(ctx.state.services.sql, id, which, own, callContext(ctx.state));
    return ctx.redirect(`/users/${encodeURIComponent(id)}`);
  },
});
