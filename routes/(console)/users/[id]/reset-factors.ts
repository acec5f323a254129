import { requireFactorsAnew } from "../../../../core/users/require_factors_anew.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "user.reset_factors",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    await readForm(ctx.req, []);
    await requireFactorsAnew(ctx.state.services.sql, id, callContext(ctx.state));
    return ctx.redirect(`/users/${encodeURIComponent(id)}`);
  },
});
