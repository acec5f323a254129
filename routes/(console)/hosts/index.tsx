import { LinkButton } from "../../../components/button.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { lastEvent } from "../../../core/live/read_events.ts";
import { countEnrolments } from "../../../core/views/enrolments.ts";
import { hostRows } from "../../../core/views/host_rows.ts";
import HostTable from "../../../islands/host_table.tsx";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { fleetOf } from "../../(_role)/fleet.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { askedHosts } from "../(_components)/host_list.ts";
import { fleetSentence, withQuery } from "../(_components)/host_words.ts";
import { SELECTION } from "../(_components)/selection_words.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql, clock } = ctx.state.services;
    const viewer = viewerOf(ctx.state);
    const { filter, problem } = askedHosts(ctx.url.searchParams);
    // The number first: what happens while the list is read is told again, never missed.
    const after_seq = await lastEvent(sql);
    const [rows, waiting, fleet] = await Promise.all([
      hostRows(sql, viewer.sees, { only: filter.only }, clock.now()),
      viewer.role === "auditor" ? 0 : countEnrolments(sql, viewer.sees),
      fleetOf(ctx.state),
    ]);
    return page({ rows, after_seq, problem, filter, waiting, fleet });
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Hosts";
  const { rows, after_seq, problem, filter, waiting, fleet } = data;
  const viewer = viewerOf(state);
  const { search = "", health = "", os = "", status = "", group = "", only } = filter;
  const query = { q: search, health, os, status, group, sort: filter.sort === "name" ? "" : filter.sort };
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
          <HostTable
            hosts={rows}
            query={query}
            only={only
              ? { name: only, words: SELECTION[only], away: withQuery(url, { only: null, page: null }) }
              : null}
            part={partOf(url)}
            fleet={fleet.hosts}
            after_seq={after_seq}
            now={rfc3339(state.services.clock.now())}
            may_deploy={viewer.role !== "auditor"}
          />
        )}
    </>
  );
});

/** Which part of the list is asked for where no script runs, from 0. */
function partOf(url: URL): number {
  const text = url.searchParams.get("page") ?? "1";
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) - 1 : 0;
}
