import { removeUser } from "../../../../core/users/remove_user.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "user.remove",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    await removeUser(ctx.state.services.sql, ctx.params.id, callContext(ctx.state));
    return ctx.redirect("/users");
  },
});
