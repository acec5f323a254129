import { disableUser } from "../../../../core/users/switch_user.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "user.disable",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    await readForm(ctx.req, []);
    await disableUser(ctx.state.services.sql, id, callContext(ctx.state));
    return ctx.redirect(`/users/${encodeURIComponent(id)}`);
  },
});
