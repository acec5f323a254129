import { addMembers } from "../../../../core/groups/change_members.ts";
import { groupDetail } from "../../../../core/views/groups.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";
import { chosenHosts } from "../../(_components)/group_choice.ts";

export const access = { role: "admin", scope: "hosts", audit: "group.add_hosts" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state).id;
    const { id } = await groupDetail(sql, viewer, ctx.params.id);
    const hosts = await chosenHosts(ctx.state, id, false, await readForm(ctx.req));
    if (hosts.length === 0) return ctx.redirect(`/groups/${id}?tab=add`);
    await addMembers(sql, viewer, id, "hosts", hosts, callContext(ctx.state));
    return ctx.redirect(`/groups/${id}`);
  },
});
