import { Simulated } from "../../../../components/badge.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { lastEvent } from "../../../../core/live/read_events.ts";
import { jobHostDetail, jobHostLog, jobHosts } from "../../../../core/views/job_hosts.ts";
import { jobDetail } from "../../../../core/views/list_jobs.ts";
import { wire } from "../../../../core/wire.ts";
import JobView from "../../../../islands/job_view.tsx";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";
import { jobTitle } from "../../(_components)/patch_words.tsx";

export const access = { role: "auditor", scope: "hosts", audit: null } as const satisfies RouteAccess;

/** Hosts that the page lists at once; those that need a person come first. */
const HOSTS = 500;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state).sees;
    const { id } = ctx.params;
    // The number first: what happens while we read is told again.
    const after_seq = await lastEvent(sql);
    const job = await jobDetail(sql, viewer, id);
    const hosts = await jobHosts(sql, viewer, id, { limit: HOSTS });
    const asked = ctx.url.searchParams.get("host") ?? (hosts.items.length === 1 ? hosts.items[0].host_id : null);
    const shown = asked === null ? null : await jobHostDetail(sql, viewer, id, asked);
    const log = asked === null ? null : await jobHostLog(sql, viewer, id, asked);
    return page({ job: wire(job), hosts: wire(hosts.items), shown: wire(shown), log, after_seq });
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { job, hosts, shown, log, after_seq } = data;
  const title = jobTitle(job);
  state.title = title;
  const now = rfc3339(state.services.clock.now());
  const viewer = viewerOf(state);
  return (
    <>
      <PageHead
        title={title}
        crumbs={[{ href: "/jobs", label: "Jobs" }]}
        marks={job.simulated && <Simulated />}
        state={
          <>
            By {job.requested_by.name}, <RelativeTime at={job.requested_at} now={now} focusable />
            {job.reason && <>: “{job.reason}”</>}
            {job.cancelled_by && (
              <>. Cancelled by {job.cancelled_by}{job.cancel_reason && `: “${job.cancel_reason}”`}</>
            )}
          </>
        }
      />
      <JobView
        job={job}
        hosts={hosts}
        shown={shown}
        log={log}
        after_seq={after_seq}
        now={now}
        may_act={viewer.role !== "auditor"}
      />
    </>
  );
});
