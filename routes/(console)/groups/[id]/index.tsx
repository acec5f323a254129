import { LinkButton } from "../../../../components/button.tsx";
import { DialogButton } from "../../../../components/dialog.tsx";
import { FigureLink } from "../../../../components/figure_link.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { Notice } from "../../../../components/states.tsx";
import { Tabs } from "../../../../components/tabs.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { changeGroup } from "../../../../core/groups/change_group.ts";
import { lastEvent } from "../../../../core/live/read_events.ts";
import { groupHosts } from "../../../../core/views/group_hosts.ts";
import { deleteImpact, groupDetail, groupUsers, usersOutside } from "../../../../core/views/groups.ts";
import { wire } from "../../../../core/wire.ts";
import LiveRefresh from "../../../../islands/live_refresh.tsx";
import { type Context, page, type RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../../(_role)/state.ts";
import { DeleteGroupDialog, EditGroupDialog } from "../../(_components)/group_dialogs.tsx";
import { GroupHostsForm } from "../../(_components)/group_hosts_form.tsx";
import { GroupUsersForm } from "../../(_components)/group_users_form.tsx";
import { askedHosts } from "../../(_components)/host_list.ts";
import { type Refusal, refusalOf } from "../../(_components)/refusal.ts";
import { aloneHref } from "../../(_components)/selection_words.tsx";

export const access = {
  GET: { role: "auditor", scope: "hosts", audit: null },
  POST: { role: "admin", scope: "none", audit: "group.change" },
} as const satisfies Record<string, RouteAccess>;

/** Hosts that are listed at once; a filter, or what is done to all that it shows, reaches more than that. */
const MOST = 200;

async function read(
  ctx: Context<State>,
  refusal: Refusal | null = null,
  typed?: { name: string; description: string },
) {
  const { sql } = ctx.state.services;
  const viewer = viewerOf(ctx.state);
  const admin = viewer.role === "admin";
  const after_seq = await lastEvent(sql);
  const group = await groupDetail(sql, viewer.sees, ctx.params.id);
  const asked = ctx.url.searchParams.get("tab");
  const tab = asked === "users" ? "users" as const : asked === "add" && admin ? "add" as const : "hosts" as const;
  const { filter, problem } = askedHosts(ctx.url.searchParams);
  return {
    group: wire(group),
    hosts: tab === "users" ? null : wire(await groupHosts(sql, viewer.sees, group.id, tab === "hosts", filter, MOST)),
    users: tab === "users" ? await groupUsers(sql, viewer.sees, group.id) : null,
    outside: tab === "users" && admin ? await usersOutside(sql, group.id) : [],
    impact: admin ? await deleteImpact(sql, group.id) : null,
    ...{ tab, filter, problem, after_seq, refusal, typed },
  };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["name", "description"]);
    const typed = { name: form.get("name"), description: form.get("description") };
    try {
      const { id } = await changeGroup(ctx.state.services.sql, ctx.params.id, typed, callContext(ctx.state));
      return ctx.redirect(`/groups/${id}`);
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await read(ctx, refusal, typed), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  const { group, hosts, users, outside, impact, tab, filter, problem, after_seq, refusal, typed } = data;
  state.title = group.name;
  const admin = viewerOf(state).role === "admin";
  const now = rfc3339(state.services.clock.now());
  const at = `/groups/${group.id}`;
  return (
    <>
      <PageHead
        title={group.name}
        crumbs={[{ href: "/groups", label: "Groups" }]}
        marks={<LiveRefresh topics={["hosts"]} after_seq={after_seq} now={now} calm />}
        state={
          <>
            {group.description && `${group.description}${/[.!?]$/.test(group.description) ? "" : "."} `}
            {countText(group.users, "user")},{" "}
            <FigureLink href={`/hosts?group=${group.id}`} count={group.hosts}>
              {countText(group.hosts, "host")}
            </FigureLink>
            {group.only_here > 0 && group.only_here < group.hosts && (
              <>
                ,{" "}
                <FigureLink href={aloneHref(group.id)} count={group.only_here}>
                  {group.only_here.toLocaleString("en")} of them in no other group
                </FigureLink>
              </>
            )}.
          </>
        }
        actions={admin && (
          <>
            <DialogButton opens="edit-group" icon="settings">Rename …</DialogButton>
            <DialogButton opens="delete-group" icon="trash-2">Delete …</DialogButton>
            <LinkButton kind="primary" icon="plus" href={`${at}?tab=add`}>Add hosts</LinkButton>
          </>
        )}
      />
      {refusal && (
        <Notice tone="bad" title={refusal.fields.name ?? refusal.fields.description ?? refusal.title}>
          The group is as it was.
        </Notice>
      )}
      {problem && <Notice tone="warn" title="The filter was not understood.">{problem}</Notice>}
      <Tabs
        label="Parts of this group"
        tabs={[
          { href: at, label: "Hosts", count: group.hosts, current: tab === "hosts" },
          { href: `${at}?tab=users`, label: "Users", count: group.users, current: tab === "users" },
          ...admin ? [{ href: `${at}?tab=add`, label: "Add hosts", current: tab === "add" }] : [],
        ]}
      />
      {hosts && (
        <GroupHostsForm
          group={group}
          hosts={hosts}
          inside={tab === "hosts"}
          filter={filter}
          may_change={admin}
          now={now}
          url={url}
        />
      )}
      {users && (
        <GroupUsersForm
          group={group}
          users={users}
          outside={outside}
          may_change={admin}
          may_read={viewerOf(state).role !== "operator"}
        />
      )}
      {admin && impact && (
        <>
          <EditGroupDialog group={group} typed={typed} refusal={refusal} />
          <DeleteGroupDialog group={group} impact={impact} />
        </>
      )}
    </>
  );
});
