import { Simulated } from "../../../components/badge.tsx";
import { FigureLink } from "../../../components/figure_link.tsx";
import { SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { JobProgress, JobState } from "../../../components/status.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import type { Wire } from "../../../core/wire.ts";
import { jobTitle } from "../(_components)/patch_words.tsx";

/** Jobs under way, then the latest. */
export function RecentJobs(
  { jobs, now, may_act, wall }: { jobs: Wire<Dashboard>["jobs"]; now: string; may_act: boolean; wall: boolean },
) {
  const { open, items } = jobs;
  return (
    <section class="stack">
      <SectionHead
        id="jobs"
        title="Jobs"
        note={open === 0 ? "nothing is under way" : (
          <FigureLink href="/jobs?state=running" count={open}>
            {countText(open, "job")} under way
          </FigureLink>
        )}
      />
      {items.length === 0
        ? (
          <p class="muted">
            No job so far. {may_act && (
              <>
                <a href="/deploy">Choose hosts to deploy to</a>; a dry run shows what would change before anything does.
              </>
            )}
          </p>
        )
        : (
          <Table
            label="Jobs under way, and the latest"
            columns={
              <>
                <Column>Job</Column>
                <Column>State</Column>
                <Column right>Progress</Column>
                <Column roomy>By</Column>
                <Column right>When</Column>
              </>
            }
          >
            {items.map((job) => (
              <Row key={job.id}>
                <RowName
                  href={`/jobs/${job.id}`}
                  title={job.reason || undefined}
                  wrap
                  marks={job.simulated && <Simulated />}
                >
                  {jobTitle(job)}
                </RowName>
                <Cell>
                  <JobState state={job.state} />
                </Cell>
                <Cell right label="Progress">
                  {!job.ended_at && <JobProgress progress={job.progress} />}
                </Cell>
                <Cell label="By" roomy>{job.requested_by}</Cell>
                <Cell right>
                  <span class="muted">
                    <RelativeTime at={job.requested_at} now={now} />
                  </span>
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      {items.length > 0 && !wall && (
        <p>
          <a href="/jobs">All jobs</a>
        </p>
      )}
    </section>
  );
}
