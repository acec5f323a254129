import { confirmReach } from "../../../../core/auth/confirm_reach.ts";
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
    const viewer = viewerOf(ctx.state);
    const { id } = await groupDetail(sql, viewer.sees, ctx.params.id);
    const hosts = await chosenHosts(ctx.state, id, false, await readForm(ctx.req, ["all", "filter"], ["host"]));
    if (hosts.length === 0) return ctx.redirect(`/groups/${id}?tab=add`);
    await confirmReach(sql, viewer, new Set(hosts).size, ctx.state.services.clock);
    await addMembers(sql, viewer.sees, id, "hosts", hosts, callContext(ctx.state));
    return ctx.redirect(`/groups/${id}`);
  },
});
