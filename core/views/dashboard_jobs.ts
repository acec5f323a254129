import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { deriveJobState } from "../jobs/rules.ts";
import { hostStates, jobKinds, type StateCounts } from "../jobs/types.ts";
import { inSight, jobInSight, jobSight, jobStanding } from "./job_standing.ts";

const count = z.number().int();
const instantText = z.string().transform((text) => Temporal.Instant.from(text));

const Row = z.object({
  id: z.string(),
  kind: z.enum(jobKinds),
  requested_by: z.string(),
  requested_at: instantText,
  reason: z.string(),
  ended_at: instantText.nullable(),
  counts: z.partialRecord(z.enum(hostStates), count),
  hosts: count,
  patches: count,
  /** Percent; a host that ended counts as 100. */
  progress: count,
  simulated: z.boolean(),
  /** Name of the host, where the job has only one. */
  host_name: z.string().nullable(),
});

/** A job in one line, of the hosts that the viewer may see. */
export type DashboardJob = ReturnType<typeof withState>;
export interface DashboardJobs {
  /** Jobs with a host that has not ended. */
  open: number;
  /** Open ones first, then the newest; at most {@link JOBS_SHOWN}. */
  items: DashboardJob[];
}

export const JOBS_SHOWN = 8;

/**
 * Jobs under way and the latest ones. The index of open rows finds the former, that of request times the latter; the
 * hosts of jobs that have ended are not counted again for who sees them all.
 */
export async function dashboardJobs(db: Db, viewer: string): Promise<DashboardJobs> {
  const { open, items } = await one(
    z.object({ open: count, items: z.array(Row) }),
    db`
      with ${jobSight(db, viewer)},
      open as materialized (
        select distinct r.job_id from patch_job_hosts r
        where r.state in ('queued', 'waiting', 'dispatching', 'running', 'verifying', 'rebooting') and ${inSight(db)}
      ),
      chosen as materialized (
        select j.id, true as is_open, j.requested_at from patch_jobs j join open on open.job_id = j.id
        union all
        (
          select j.id, false, j.requested_at from patch_jobs j
          where ${jobInSight(db)} and not exists (select from open where open.job_id = j.id)
          order by j.requested_at desc
          limit ${JOBS_SHOWN}
        )
      ),
      page as (select * from chosen order by is_open desc, requested_at desc, id desc limit ${JOBS_SHOWN}),
      lines as (
        select j.id, j.kind, coalesce(nullif(u.display_name, ''), u.username) as requested_by, j.requested_at,
          j.reason, page.is_open, w.*
        from page join patch_jobs j on j.id = page.id join users u on u.id = j.requested_by
        cross join lateral ${jobStanding(db)} w
      )
      select
        (select count(*)::int from open) as open,
        coalesce(json_agg(to_json(lines) order by is_open desc, requested_at desc, id desc), '[]') as items
      from lines`,
  );
  return { open, items: items.map(withState) };
}

const withState = (row: z.infer<typeof Row>) => ({ ...row, state: deriveJobState(row.counts as StateCounts) });
