import { Button, LinkButton } from "../../../components/button.tsx";
import { Filters, FilterSelect } from "../../../components/filters.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { lastEvent } from "../../../core/live/read_events.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import { type HostListQuery, listHosts } from "../../../core/views/list_hosts.ts";
import { pendingEnrolments } from "../../../core/views/enrolments.ts";
import { wire } from "../../../core/wire.ts";
import HostTable from "../../../islands/host_table.tsx";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { fleetOf } from "../../(_role)/fleet.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { fleetSentence, hostsQuery, withQuery } from "../(_components)/host_words.ts";
import { SelectionChip } from "../(_components)/selection_words.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

const HEALTH = [
  { value: "", label: "Any health" },
  { value: "healthy", label: "Healthy" },
  { value: "degraded", label: "Degraded" },
  { value: "unreachable", label: "Unreachable" },
  { value: "pending", label: "Pending" },
];
const STATUS = [
  { value: "", label: "Any status" },
  { value: "security", label: "Security updates" },
  { value: "pending", label: "Any updates" },
  { value: "reboot", label: "Reboot due" },
  { value: "compliant", label: "Compliant" },
  { value: "not_compliant", label: "Not compliant" },
  { value: "stale", label: "Stale data" },
];
const PAGE = 100;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state);
    const query = hostsQuery(ctx.url.searchParams);
    // The number first: what happens while the list is read is told again, never missed.
    const after_seq = await lastEvent(sql);
    let list;
    let problem: string | null = null;
    try {
      list = await listHosts(sql, viewer.id, { ...query, limit: PAGE } as HostListQuery);
    } catch (thrown) {
      // An address that somebody typed wrong still shows the hosts, and says what was left out.
      if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
      problem = thrown.details.length > 0
        ? thrown.details.map(({ field }) => cannotBe(field, query[field as keyof typeof query])).join(" ")
        : thrown.message;
      list = await listHosts(sql, viewer.id, { limit: PAGE });
    }
    const waiting = viewer.role === "auditor" ? [] : await pendingEnrolments(sql, viewer.id);
    return page({ list, after_seq, problem, query, waiting: waiting.length, fleet: await fleetOf(ctx.state) });
  },
});

/** Which part of an address is no good, in the words of the page. */
function cannotBe(field: string, value = ""): string {
  const name = field === "search" ? "What is searched for" : field.charAt(0).toUpperCase() + field.slice(1);
  return `${name} cannot be “${value.length > 40 ? `${value.slice(0, 40)}…` : value}”.`;
}

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Hosts";
  const { list, after_seq, problem, query, waiting, fleet } = data;
  const viewer = viewerOf(state);
  const now = rfc3339(state.services.clock.now());
  const filtered = ["search", "health", "os", "status", "group", "only"].some((name) =>
    query[name as keyof typeof query]
  );
  const systems = list.facets.os.map(({ os, name, count }) => ({ value: os, label: `${name} (${count})` }));
  const groups = list.facets.groups.map(({ id, name, count }) => ({ value: id, label: `${name} (${count})` }));
  const counted = (options: typeof HEALTH, counts: Record<string, number>) =>
    options.map((option) =>
      option.value ? { ...option, label: `${option.label} (${counts[option.value] ?? 0})` } : option
    );
  const sorting = (column: string) => {
    const current = query.sort ?? "name";
    const down = current === `-${column}`;
    const direction = down ? "descending" as const : current === column ? "ascending" as const : null;
    // Numbers interest from the largest down, names from A on.
    const first = ["pending", "security", "last_seen"].includes(column) ? `-${column}` : column;
    const next = direction === null ? first : down ? column : `-${column}`;
    return { direction, href: withQuery(url, { sort: next === "name" ? null : next, cursor: null }) };
  };
  return (
    <>
      <PageHead
        title="Hosts"
        state={fleetSentence(fleet)}
        actions={viewer.role !== "auditor" && (
          <LinkButton kind={fleet.hosts === 0 ? "plain" : "primary"} icon="plus" href="/hosts/new">
            Add a host
          </LinkButton>
        )}
      />
      {problem && <Notice tone="warn" title="The filter was not understood.">{problem} All hosts are shown.</Notice>}
      {waiting > 0 && (
        <Notice tone="info" title={`${waiting} ${waiting === 1 ? "machine waits" : "machines wait"} for approval.`}>
          <a href="/enrolments">Look at the requests</a>
        </Notice>
      )}
      {fleet.hosts === 0
        ? (
          <EmptyState
            title="No hosts so far"
            icon="server"
            actions={viewer.role !== "auditor" && (
              <LinkButton kind="primary" href="/hosts/new">Add the first host</LinkButton>
            )}
          >
            Install patch-agent on a machine and enrol it with one command; it shows up here within a minute.
          </EmptyState>
        )
        : (
          <>
            <Filters action="/hosts">
              {query.sort && <input type="hidden" name="sort" value={query.sort} />}
              <input
                class="input"
                type="search"
                name="q"
                value={query.search ?? ""}
                placeholder="Name, address, tag, system"
                aria-label="Name, address, tag or system"
                maxLength={200}
              />
              <FilterSelect
                id="health"
                name="health"
                label="Health"
                value={query.health}
                options={counted(HEALTH, list.facets.health)}
              />
              <FilterSelect
                id="status"
                name="status"
                label="Status"
                value={query.status}
                options={counted(STATUS, list.facets.status)}
              />
              <FilterSelect
                id="os"
                name="os"
                label="System"
                value={query.os}
                options={[{ value: "", label: "Any system" }, ...systems]}
              />
              {groups.length > 0 && (
                <FilterSelect
                  id="group"
                  name="group"
                  label="Group"
                  value={query.group}
                  options={[{ value: "", label: "Any group" }, ...groups, {
                    value: "none",
                    label: `In no group (${list.facets.ungrouped})`,
                  }]}
                />
              )}
              <SelectionChip only={query.only} url={url} />
              <Button type="submit" icon="filter">Filter</Button>
              {filtered && <LinkButton kind="quiet" href="/hosts">Clear</LinkButton>}
            </Filters>
            {list.items.length === 0
              ? (
                <EmptyState
                  title="No host matches"
                  icon="search"
                  actions={<LinkButton href="/hosts">Show all hosts</LinkButton>}
                >
                  Nothing fits all of these filters at once. Take one away.
                </EmptyState>
              )
              : (
                <HostTable
                  hosts={wire(list.items)}
                  total={list.total}
                  fleet={fleet.hosts}
                  query={new URLSearchParams(
                    Object.entries({ ...query, limit: String(PAGE) }).filter((pair): pair is [string, string] =>
                      !!pair[1]
                    ),
                  ).toString()}
                  sorting={{
                    name: sorting("name"),
                    health: sorting("health"),
                    os: sorting("os"),
                    pending: sorting("pending"),
                    security: sorting("security"),
                    last_seen: sorting("last_seen"),
                  }}
                  after_seq={after_seq}
                  now={now}
                  may_deploy={viewer.role !== "auditor"}
                />
              )}
            {(query.cursor || list.next) && (
              <nav class="row" aria-label="Pages of hosts">
                {query.cursor && (
                  <LinkButton href={withQuery(url, { cursor: null })} icon="chevron-left">First page</LinkButton>
                )}
                {list.next && (
                  <LinkButton href={withQuery(url, { cursor: list.next })} icon="chevron-right">
                    Next {PAGE}
                  </LinkButton>
                )}
              </nav>
            )}
          </>
        )}
    </>
  );
});
