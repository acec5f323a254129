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
    const { id } = ctx.params;
    const group = (await readForm(ctx.req, ["group"])).get("group");
    await removeMembers(ctx.state.services.sql, group, "users", [id], callContext(ctx.state));
    return ctx.redirect(`/users/${encodeURIComponent(id)}?tab=groups`);
  },
});
