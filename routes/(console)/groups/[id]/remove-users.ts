import { removeMembers } from "../../../../core/groups/change_members.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "group.remove_users",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const users = (await readForm(ctx.req, [], ["user"])).all("user");
    const { id } = ctx.params;
    if (users.length > 0) await removeMembers(ctx.state.services.sql, id, "users", users, callContext(ctx.state));
    return ctx.redirect(`/groups/${encodeURIComponent(id)}?tab=users`);
  },
});
