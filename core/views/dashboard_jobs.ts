import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { deriveJobState } from "../jobs/rules.ts";
import { hostStates, jobKinds, type StateCounts } from "../jobs/types.ts";
import { rememberedHosts } from "./scope.ts";

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

/** Jobs under way and the latest ones. The index of open rows finds the former, that of request times the latter. */
export async function dashboardJobs(db: Db, viewer: string): Promise<DashboardJobs> {
  const { open, items } = await one(
    z.object({ open: count, items: z.array(Row) }),
    db`
      with seen as materialized (
        select h.id as host_id, h.simulated, coalesce(nullif(h.display_name, ''), h.fqdn) as name
        from ${rememberedHosts(db, viewer)} remembered join hosts h on h.id = remembered.host_id
      ),
      open as materialized (
        select distinct r.job_id from patch_job_hosts r join seen on seen.host_id = r.host_id
        where r.state in ('queued', 'waiting', 'dispatching', 'running', 'verifying', 'rebooting')
      ),
      chosen as materialized (
        select j.id, true as is_open, j.requested_at from patch_jobs j join open on open.job_id = j.id
        union all
        (
          select j.id, false, j.requested_at from patch_jobs j
          where exists (select from patch_job_hosts r join seen on seen.host_id = r.host_id where r.job_id = j.id)
            and not exists (select from open where open.job_id = j.id)
          order by j.requested_at desc
          limit ${JOBS_SHOWN}
        )
      ),
      page as (select * from chosen order by is_open desc, requested_at desc, id desc limit ${JOBS_SHOWN}),
      lines as (
        select j.id, j.kind, coalesce(nullif(u.display_name, ''), u.username) as requested_by, j.requested_at,
          j.reason, page.is_open, w.*,
          (
            select count(*)::int from patch_job_patches jp join seen on seen.host_id = jp.host_id
            where jp.job_id = j.id and jp.origin = 'ordered'
          ) as patches
        from page join patch_jobs j on j.id = page.id join users u on u.id = j.requested_by
        cross join lateral (
          select json_object_agg(state, n) as counts, sum(n)::int as hosts, bool_or(simulated) as simulated,
            (sum(done) / sum(n))::int as progress,
            case when bool_and(ended_at is not null) then max(ended_at) end as ended_at,
            case when sum(n) = 1 then min(name) end as host_name
          from (
            select r.state, count(*)::int as n, bool_or(seen.simulated) as simulated,
              min(seen.name) as name,
              case when bool_and(r.ended_at is not null) then max(r.ended_at) end as ended_at,
              sum(case when r.ended_at is not null then 100 else r.progress end) as done
            from patch_job_hosts r join seen on seen.host_id = r.host_id
            where r.job_id = j.id group by r.state
          ) t
        ) w
      )
      select
        (select count(*)::int from open) as open,
        coalesce(json_agg(to_json(lines) order by is_open desc, requested_at desc, id desc), '[]') as items
      from lines`,
  );
  return { open, items: items.map(withState) };
}

const withState = (row: z.infer<typeof Row>) => ({ ...row, state: deriveJobState(row.counts as StateCounts) });
