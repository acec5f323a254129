import { Button, LinkButton } from "../../../components/button.tsx";
import { TextField } from "../../../components/field.tsx";
import { FigureLink } from "../../../components/figure_link.tsx";
import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { createGroup } from "../../../core/groups/create_group.ts";
import { MAX_GROUP_NAME } from "../../../core/groups/types.ts";
import { lastEvent } from "../../../core/live/read_events.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { listGroups } from "../../../core/views/groups.ts";
import { wire } from "../../../core/wire.ts";
import LiveRefresh from "../../../islands/live_refresh.tsx";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { fleetOf } from "../../(_role)/fleet.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";
import { aloneHref } from "../(_components)/selection_words.tsx";

export const access = {
  GET: { role: "auditor", scope: "hosts", audit: null },
  POST: { role: "admin", scope: "none", audit: "group.create" },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, typed = { name: "", description: "" }, refusal: Refusal | null = null) {
  const { sql } = ctx.state.services;
  const after_seq = await lastEvent(sql);
  const groups = wire(await listGroups(sql, viewerOf(ctx.state).sees));
  return { groups, after_seq, typed, refusal, fleet: await fleetOf(ctx.state) };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["name", "description"]);
    const typed = { name: form.get("name"), description: form.get("description") };
    try {
      const viewer = viewerOf(ctx.state).id;
      const { id } = await createGroup(ctx.state.services.sql, viewer, typed, callContext(ctx.state));
      return ctx.redirect(`/groups/${id}`);
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await read(ctx, typed, refusal), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Groups";
  const { groups, after_seq, typed, refusal, fleet } = data;
  const viewer = viewerOf(state);
  const admin = viewer.role === "admin";
  return (
    <>
      <PageHead
        title="Groups"
        marks={<LiveRefresh topics={["hosts"]} after_seq={after_seq} now={rfc3339(state.services.clock.now())} calm />}
        state={viewer.role === "operator"
          ? "You manage the hosts of your groups, and hosts that are in no group."
          : "Operators manage the hosts of their groups, and hosts that are in no group. Admins see all."}
        actions={admin && groups.length > 0 && (
          <LinkButton kind="primary" icon="plus" href="#new">New group</LinkButton>
        )}
      />
      {refusal && <Notice tone="bad" title={refusal.title}>{refusal.hint}</Notice>}
      {groups.length === 0
        ? (
          <EmptyState
            title={viewer.role === "operator" ? "You are in no group" : "No groups so far"}
            icon="folder-tree"
          >
            {viewer.role === "operator"
              ? "An admin decides who is in which group. Until then you manage hosts that are in no group."
              : `Every operator manages ${
                fleet.hosts === 0 ? "every host" : `all ${countText(fleet.hosts, "host")}`
              }. Make a group where some should be for some people only.`}
          </EmptyState>
        )
        : (
          <Table
            label="Groups"
            columns={
              <>
                <Column>Name</Column>
                <Column right>Hosts</Column>
                <Column right>In this group only</Column>
                <Column right>Users</Column>
              </>
            }
          >
            {groups.map((group) => (
              <Row key={group.id}>
                <RowName href={`/groups/${group.id}`} title={group.name} note={group.description || undefined}>
                  {group.name}
                </RowName>
                <Cell right label="Hosts">
                  {group.hosts > 0
                    ? (
                      <FigureLink href={`/hosts?group=${group.id}`} count={group.hosts}>
                        {group.hosts.toLocaleString("en")}
                        <span class="visually-hidden">hosts of {group.name}</span>
                      </FigureLink>
                    )
                    : <span class="muted">0</span>}
                </Cell>
                <Cell right label="In this group only">
                  {group.only_here > 0
                    ? (
                      <FigureLink href={aloneHref(group.id)} count={group.only_here}>
                        {group.only_here.toLocaleString("en")}
                        <span class="visually-hidden">hosts of {group.name} that are in no other group</span>
                      </FigureLink>
                    )
                    : <span class="muted">0</span>}
                </Cell>
                <Cell right label="Users">
                  {group.users > 0
                    ? (
                      <FigureLink href={`/groups/${group.id}?tab=users`} count={group.users}>
                        {group.users.toLocaleString("en")}
                        <span class="visually-hidden">users of {group.name}</span>
                      </FigureLink>
                    )
                    : <span class="muted">0</span>}
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      {admin && (
        <>
          <SectionHead title="New group" id="new" note="empty at first; hosts and users come next" />
          <form class="form" method="post" action="/groups">
            <TextField
              id="name"
              name="name"
              label="Name"
              placeholder="Web tier"
              value={typed.name}
              error={refusal?.fields.name}
              hint="Capitals make no difference."
              maxLength={MAX_GROUP_NAME * 2}
              required
            />
            <TextField
              id="description"
              name="description"
              label="What it is for"
              value={typed.description}
              error={refusal?.fields.description}
              maxLength={1000}
              optional
            />
            <div class="row">
              <Button kind={groups.length === 0 ? "primary" : "plain"} type="submit" icon="plus">
                Make this group
              </Button>
            </div>
          </form>
        </>
      )}
    </>
  );
});
