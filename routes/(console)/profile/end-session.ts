import { revokeSession } from "../../../core/auth/revoke_session.ts";
import type { RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { forgetSession } from "../../(_role)/keep_session.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";

export const access = {
  role: "auditor",
  scope: "none",
  audit: "session.revoke",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const viewer = viewerOf(ctx.state);
    const id = (await readForm(ctx.req, ["session"])).get("session");
    // From here only one's own: other people's are ended on their page.
    const owner = { ...viewer, role: "auditor" as const };
    await revokeSession(ctx.state.services.sql, owner, id, callContext(ctx.state));
    return id === viewer.session_id ? forgetSession(ctx.redirect("/login")) : ctx.redirect("/profile");
  },
});
