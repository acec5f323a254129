import { Badge, Simulated } from "../../../../components/badge.tsx";
import { Button, LinkButton } from "../../../../components/button.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { Notice } from "../../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import { confirmReach } from "../../../../core/auth/confirm_reach.ts";
import { removeMembers } from "../../../../core/groups/change_members.ts";
import { leavingHosts, wouldBeAlone } from "../../../../core/views/group_hosts.ts";
import { deleteImpact, groupDetail } from "../../../../core/views/groups.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";
import { chosenHosts } from "../../(_components)/group_choice.ts";

export const access = {
  GET: { role: "admin", scope: "hosts", audit: null },
  POST: { role: "admin", scope: "hosts", audit: "group.remove_hosts" },
} as const satisfies Record<string, RouteAccess>;

/** Hosts that are named before they leave. */
const NAMED = 20;

export const handler = define.handlers({
  /** Somebody reloaded what a form led to. */
  GET: (ctx) => ctx.redirect(`/groups/${encodeURIComponent(ctx.params.id)}`),
  /** Takes hosts out at once where nobody sees more by that; else the person reads first who would. */
  async POST(ctx) {
    const { sql } = ctx.state.services;
    const group = await groupDetail(sql, viewerOf(ctx.state).sees, ctx.params.id);
    const form = await readForm(ctx.req, ["all", "filter", "told"], ["host"]);
    const hosts = await chosenHosts(ctx.state, group.id, true, form);
    if (hosts.length === 0) return ctx.redirect(`/groups/${group.id}`);
    const opened = await wouldBeAlone(sql, group.id, hosts);
    const told = form.get("told");
    if (opened > (/^\d{1,9}$/.test(told) ? Number(told) : 0)) {
      const { operators } = await deleteImpact(sql, group.id);
      // Without those that somebody else took out meanwhile.
      const leaving = await leavingHosts(sql, viewerOf(ctx.state).sees, group.id, hosts);
      return page({ group, leaving, opened, operators });
    }
    await confirmReach(sql, viewerOf(ctx.state), new Set(hosts).size, ctx.state.services.clock);
    await removeMembers(sql, group.id, "hosts", hosts, callContext(ctx.state));
    return ctx.redirect(`/groups/${group.id}`);
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { group, leaving, opened, operators } = data;
  const what = countText(leaving.length, "host");
  const it = opened === 1 ? "it" : "them";
  state.title = `Take ${what} out of ${group.name}`;
  return (
    <>
      <PageHead
        title={`Take ${what} out of ${group.name}?`}
        crumbs={[{ href: "/groups", label: "Groups" }, { href: `/groups/${group.id}`, label: group.name }]}
      />
      <Notice
        tone="warn"
        title={opened === leaving.length && opened === 1
          ? "This host is in no other group."
          : `${countText(opened, "host")} of these ${opened === 1 ? "is" : "are"} in no other group.`}
      >
        Then every operator sees and manages {it}: {operators === 0
          ? `every operator is in ${group.name}, so nobody sees more than now.`
          : `${
            countText(operators, "operator who is", "operators who are")
          } not in ${group.name} would see ${it} too. ` +
            `To keep ${it} from them, put ${it} into another group first.`}
      </Notice>
      <Table
        label="Hosts that leave"
        columns={
          <>
            <Column>Name</Column>
            <Column>Afterwards</Column>
          </>
        }
      >
        {leaving.slice(0, NAMED).map((host) => (
          <Row key={host.id}>
            <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
              {host.name}
            </RowName>
            <Cell>
              {host.alone ? <Badge tone="warn">in no group</Badge> : <span class="muted">in other groups</span>}
            </Cell>
          </Row>
        ))}
      </Table>
      {leaving.length > NAMED && <p class="meta">and {countText(leaving.length - NAMED, "more host")}</p>}
      <form class="row" method="post" action={`/groups/${group.id}/remove-hosts`}>
        <input type="hidden" name="told" value={opened} />
        {leaving.map(({ id }) => <input key={id} type="hidden" name="host" value={id} />)}
        <Button kind="danger" type="submit">Take {what} out of {group.name}</Button>
        <LinkButton href={`/groups/${group.id}`}>Cancel</LinkButton>
      </form>
    </>
  );
});
