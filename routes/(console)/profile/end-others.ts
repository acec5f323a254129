import { revokeOtherSessions } from "../../../core/auth/revoke_session.ts";
import type { RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";

export const access = {
  role: "auditor",
  scope: "none",
  audit: "session.revoke",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    await revokeOtherSessions(ctx.state.services.sql, viewerOf(ctx.state), callContext(ctx.state));
    return ctx.redirect("/profile");
  },
});
