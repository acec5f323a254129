import { Simulated } from "../../../components/badge.tsx";
import { LinkButton } from "../../../components/button.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { EmptyState } from "../../../components/states.tsx";
import { JobProgress, JobState } from "../../../components/status.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { Tabs } from "../../../components/tabs.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { lastEvent } from "../../../core/live/read_events.ts";
import { jobList } from "../../../core/views/list_jobs.ts";
import { wire } from "../../../core/wire.ts";
import LiveRefresh from "../../../islands/live_refresh.tsx";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { withQuery } from "../(_components)/host_words.ts";
import { jobTitle } from "../(_components)/patch_words.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state);
    const asked = ctx.url.searchParams.get("state");
    const state = asked === "running" ? "open" as const : asked === "ended" ? "ended" as const : undefined;
    const after_seq = await lastEvent(sql);
    const cursor = ctx.url.searchParams.get("cursor");
    const list = wire(await jobList(sql, viewer.sees, { state, cursor, limit: 50 }));
    const open = state === "open" ? list.total : (await jobList(sql, viewer.sees, { state: "open", limit: 1 })).total;
    return page({ list, state, open, after_seq });
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Jobs";
  const { list, open, after_seq } = data;
  const now = rfc3339(state.services.clock.now());
  const may_deploy = viewerOf(state).role !== "auditor";
  return (
    <>
      <PageHead
        title="Jobs"
        marks={<LiveRefresh topics={["jobs"]} after_seq={after_seq} now={now} />}
        state={open === 0 ? "Nothing is under way." : `${countText(open, "job is", "jobs are")} under way.`}
        actions={may_deploy && <LinkButton kind="primary" icon="rocket" href="/deploy">Deploy</LinkButton>}
      />
      <Tabs
        label="Which jobs"
        tabs={[
          { href: "/jobs", label: "All", current: data.state === undefined },
          { href: "/jobs?state=running", label: "Under way", count: open, current: data.state === "open" },
          { href: "/jobs?state=ended", label: "Ended", current: data.state === "ended" },
        ]}
      />
      {list.items.length === 0
        ? (
          <EmptyState
            title={data.state === "open" ? "Nothing is under way" : "No jobs so far"}
            icon="list-checks"
            actions={may_deploy && <LinkButton href="/deploy">Choose hosts to deploy to</LinkButton>}
          >
            {may_deploy
              ? "Every deployment and every dry run is a job. A dry run shows what would change before anything does."
              : "Every deployment and every dry run is a job, and is kept here with its log."}
          </EmptyState>
        )
        : (
          <Table
            label="Jobs"
            height="fill"
            columns={
              <>
                <Column>Job</Column>
                <Column>State</Column>
                <Column right>Progress</Column>
                <Column roomy>By</Column>
                <Column>Reason</Column>
                <Column right>When</Column>
              </>
            }
          >
            {list.items.map((job) => (
              <Row key={job.id}>
                <RowName href={`/jobs/${job.id}`} title={jobTitle(job)} wrap marks={job.simulated && <Simulated />}>
                  {jobTitle(job)}
                </RowName>
                <Cell>
                  <JobState state={job.state} />
                </Cell>
                <Cell right label="Progress">
                  {!job.ended_at && <JobProgress progress={job.progress} />}
                </Cell>
                <Cell label="By" roomy>{job.requested_by.name}</Cell>
                <Cell wide line title={job.reason || undefined}>{job.reason}</Cell>
                <Cell right>
                  <span class="muted">
                    <RelativeTime at={job.requested_at} now={now} />
                  </span>
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      {list.next && (
        <div class="row">
          <LinkButton href={withQuery(url, { cursor: list.next })} icon="chevron-right">Earlier jobs</LinkButton>
        </div>
      )}
    </>
  );
});
