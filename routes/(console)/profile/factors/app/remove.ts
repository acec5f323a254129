import { removeFactor } from "../../../../../core/auth/factors/remove_factor.ts";
import type { RouteAccess } from "../../../../../web/mod.ts";
import { readForm } from "../../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../../(_role)/state.ts";

export const access = {
  role: "auditor",
  scope: "none",
  audit: "auth.remove_factor",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    await removeFactor(ctx.state.services.sql, viewerOf(ctx.state), "app", callContext(ctx.state));
    return ctx.redirect("/profile/factors?done=removed");
  },
});
