import type { ComponentChildren } from "preact";
import { Simulated } from "../../../components/badge.tsx";
import { Button, LinkButton } from "../../../components/button.tsx";
import { FigureLink } from "../../../components/figure_link.tsx";
import { Filters, FilterSelect } from "../../../components/filters.tsx";
import { HostName } from "../../../components/host_name.tsx";
import { Code, countText } from "../../../components/quantity.tsx";
import { EmptyState } from "../../../components/states.tsx";
import { HealthStatus } from "../../../components/status.tsx";
import { Cell, CheckCell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { GroupHosts } from "../../../core/views/group_hosts.ts";
import type { GroupRow } from "../../../core/views/groups.ts";
import type { HostFilter } from "../../../core/views/host_filter.ts";
import type { Wire } from "../../../core/wire.ts";
import { withQuery } from "./host_words.ts";

interface Props {
  group: Wire<GroupRow>;
  hosts: Wire<GroupHosts>;
  /** The hosts of the group, or those that can be added to it. */
  inside: boolean;
  filter: HostFilter;
  may_change: boolean;
  now: string;
  url: URL;
}

/** Hosts of a group, or those outside, to be chosen one by one or all that the filter shows. Works without script. */
export function GroupHostsForm({ group, hosts, inside, filter, may_change, now, url }: Props) {
  const { items, total, alone } = hosts;
  const { search, health, status, group: other } = filter;
  const filtered = [search, health, status, other, filter.os, filter.only].some((value) => value !== undefined);
  const query = new URLSearchParams(url.search);
  for (const name of ["tab", "cursor", "page", "sort"]) query.delete(name);
  const at = inside ? `/groups/${group.id}` : `/groups/${group.id}?tab=add`;
  return (
    <>
      <Filters
        action={`/groups/${group.id}`}
        result={<Result total={total} alone={alone} inside={inside} filter={filter} url={url} />}
      >
        {!inside && <input type="hidden" name="tab" value="add" />}
        {filter.only && <input type="hidden" name="only" value={filter.only} />}
        <input
          class="input"
          type="search"
          name="q"
          value={search ?? ""}
          placeholder="Name, address, tag, system"
          aria-label="Name, address, tag or system"
          maxLength={200}
        />
        <FilterSelect
          id="health"
          name="health"
          label="Health"
          value={health}
          options={[
            ...[["", "Any health"], ["healthy", "Healthy"], ["degraded", "Degraded"]],
            ...[["unreachable", "Unreachable"], ["pending", "Pending"]],
          ].map(([value, label]) => ({ value, label }))}
        />
        {!inside && (
          <FilterSelect
            id="group"
            name="group"
            label="Group"
            value={other}
            options={[{ value: "", label: "Any group" }, { value: "none", label: "In no group" }]}
          />
        )}
        <Button type="submit" icon="filter">Filter</Button>
        {filtered && <LinkButton kind="quiet" href={at}>Clear</LinkButton>}
      </Filters>
      {items.length === 0
        ? <NoHosts group={group} inside={inside} filtered={filtered} may_change={may_change} at={at} />
        : (
          <MaybeForm action={may_change ? `/groups/${group.id}/${inside ? "remove-hosts" : "add-hosts"}` : null}>
            {may_change && (
              <div class="bar-row">
                <input type="hidden" name="filter" value={query.toString()} />
                <Button type="submit" kind={inside ? "plain" : "primary"} icon={inside ? "x" : "plus"}>
                  {inside ? `Take the ticked hosts out of ${group.name}` : `Add the ticked hosts to ${group.name}`}
                </Button>
                {total > 1 && (
                  <Button type="submit" name="all" value="1">
                    {inside
                      ? `Take out all ${countText(total, "host")}${filtered ? " of this filter" : ""} …`
                      : `Add all ${countText(total, "host")}${filtered ? " of this filter" : ""}`}
                  </Button>
                )}
                {!inside && (
                  <span class="meta">
                    A host in no group is seen by every operator; in {group.name}, by its users only.
                  </span>
                )}
              </div>
            )}
            <Table
              label={inside ? `Hosts of ${group.name}` : `Hosts that are not in ${group.name}`}
              height="fill"
              columns={
                <>
                  {may_change && (
                    <Column check>
                      <span class="visually-hidden">Tick</span>
                    </Column>
                  )}
                  <Column>Name</Column>
                  <Column roomy>Address</Column>
                  <Column>Health</Column>
                  <Column>{inside ? "Other groups" : "Groups"}</Column>
                </>
              }
            >
              {items.map((host) => (
                <Row key={host.id}>
                  {may_change && <CheckCell label={`Tick ${host.name}`} name="host" value={host.id} />}
                  <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
                    <HostName name={host.name} />
                  </RowName>
                  <Cell label="Address" roomy>
                    <Code>{host.address}</Code>
                  </Cell>
                  <Cell>
                    <HealthStatus
                      health={host.health}
                      since={host.health_since}
                      silentSince={host.not_answering_since}
                      now={now}
                    />
                  </Cell>
                  <Cell label={inside ? "Other groups" : "Groups"}>
                    {host.others.length > 0
                      ? host.others.join(", ")
                      : host.alone
                      ? <span class="muted">{inside ? "in no other" : "in none"}</span>
                      : <span class="muted">others</span>}
                  </Cell>
                </Row>
              ))}
            </Table>
            {total > items.length && (
              <p class="meta">
                These are the first {items.length} of {countText(total, "host")}. Filter to find others
                {may_change && ", or take all of them at once with the button above"}.
              </p>
            )}
          </MaybeForm>
        )}
    </>
  );
}

/** Who may change nothing is offered no form. */
function MaybeForm({ action, children }: { action: string | null; children: ComponentChildren }) {
  if (action === null) return <div class="stack">{children}</div>;
  return <form class="stack" method="post" action={action}>{children}</form>;
}

function Result(
  { total, alone, inside, filter, url }: Pick<GroupHosts, "total" | "alone"> & Pick<Props, "inside" | "filter" | "url">,
) {
  const hosts = countText(total, "host");
  if (!inside) return <>{hosts} can be added</>;
  if (alone === 0) return <>{hosts}</>;
  const words = `${alone.toLocaleString("en")} in no other group`;
  return (
    <>
      {hosts}, {filter.only === undefined
        ? <FigureLink href={withQuery(url, { only: "one_group" })} count={alone}>{words}</FigureLink>
        : words}
    </>
  );
}

function NoHosts(
  { group, inside, filtered, may_change, at }: Pick<Props, "group" | "inside" | "may_change"> & {
    filtered: boolean;
    at: string;
  },
) {
  if (filtered) {
    return (
      <EmptyState title="No host matches" icon="search" actions={<LinkButton href={at}>Show all</LinkButton>}>
        Nothing fits all of these filters at once. Take one away.
      </EmptyState>
    );
  }
  if (!inside) {
    return (
      <EmptyState title="Every host is in this group" icon="check">
        Hosts that enrol later can be added then.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="No hosts so far"
      icon="server"
      actions={may_change && (
        <LinkButton kind="primary" icon="plus" href={`/groups/${group.id}?tab=add`}>Add hosts</LinkButton>
      )}
    >
      Hosts that are put into {group.name} are seen and managed by its users, and by nobody else who is no admin.
    </EmptyState>
  );
}
