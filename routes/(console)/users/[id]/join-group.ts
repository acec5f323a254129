import { addMembers } from "../../../../core/groups/change_members.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = {
  role: "admin",
  scope: "none",
  audit: "group.add_users",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    const group = (await readForm(ctx.req, ["group"])).get("group");
    await addMembers(ctx.state.services.sql, viewerOf(ctx.state).sees, group, "users", [id], callContext(ctx.state));
    return ctx.redirect(`/users/${encodeURIComponent(id)}?tab=groups`);
  },
});
