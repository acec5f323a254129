import { logout } from "../core/auth/logout.ts";
import type { RouteAccess } from "../web/mod.ts";
import { forgetSession } from "./(_role)/keep_session.ts";
import { readForm } from "./(_role)/form.ts";
import { callContext, define, viewerOf } from "./(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: "auth.logout" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    await logout(ctx.state.services.sql, viewerOf(ctx.state), callContext(ctx.state));
    return forgetSession(ctx.redirect("/login"));
  },
});
