import { z } from "zod";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { deriveJobState } from "../jobs/rules.ts";
import { hostStates, jobKinds, type JobState, rebootRules, type StateCounts } from "../jobs/types.ts";
import { checked, makePage, type Page, readCursor, readLimit } from "./page.ts";
import { type Fragment, rememberedHosts } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();

export const JobListQuery = z.object({
  kind: z.enum(jobKinds).optional(),
  /** open: at least one host has not ended. ended: all have. */
  state: z.enum(["open", "ended"]).optional(),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type JobListQuery = z.input<typeof JobListQuery>;

const JobRow = z.object({
  id: z.string(),
  kind: z.enum(jobKinds),
  requested_by: z.object({ id: z.string(), name: z.string() }),
  requested_at: instant,
  reason: z.string(),
  security_only: z.boolean(),
  reboot: z.enum(rebootRules),
  reboot_delay_seconds: count,
  /** The job that a rollback takes back. */
  original_job_id: z.string().nullable(),
  deadline_at: instant,
  cancelled_at: instant.nullable(),
  cancelled_by: z.string().nullable(),
  cancel_reason: z.string().nullable(),
  ended_at: instant.nullable(),
  /** Hosts in each state: of those that the viewer may see. */
  counts: z.partialRecord(z.enum(hostStates), count),
  hosts: count,
  /** Its name, where there is exactly one. */
  host_name: z.string().nullable(),
  /** Ordered installations over these hosts. */
  patches: count,
  /** Percent, over these hosts; one that ended counts as 100. */
  progress: count,
  simulated: z.boolean(),
});

/** A job as the viewer may see it: state, counts and progress are of their hosts only. */
export type JobSummary = z.infer<typeof JobRow> & { state: JobState };

function jobColumns(db: Db): Fragment {
  return db`
    j.id, j.kind, json_build_object('id', u.id, 'name', coalesce(nullif(u.display_name, ''), u.username)) as requested_by,
    j.requested_at, j.reason, j.security_only, j.reboot, j.reboot_delay_seconds,
    j.original_job_id, j.deadline_at, j.cancelled_at, cu.username as cancelled_by,
    j.cancel_reason, w.ended_at, w.counts, w.hosts, w.host_name, w.progress, w.simulated,
    (
      select count(*)::int from patch_job_patches jp join seen on seen.host_id = jp.host_id
      where jp.job_id = j.id and jp.origin = 'ordered'
    ) as patches`;
}

/** A job's hosts that the viewer may see; a job without any is no job for them. */
function jobSource(db: Db): Fragment {
  return db`
    patch_jobs j
    join users u on u.id = j.requested_by
    left join users cu on cu.id = j.cancelled_by
    cross join lateral (
      select json_object_agg(state, n) as counts, sum(n)::int as hosts, bool_or(simulated) as simulated,
        (sum(done) / sum(n))::int as progress,
        case when sum(n) = 1 then min(name) end as host_name,
        case when bool_and(ended_at is not null) then max(ended_at) end as ended_at
      from (
        select jh.state, count(*)::int as n, bool_or(h.simulated) as simulated,
          min(coalesce(nullif(h.display_name, ''), h.fqdn)) as name,
          case when bool_and(jh.ended_at is not null) then max(jh.ended_at) end as ended_at,
          sum(case when jh.ended_at is not null then 100 else jh.progress end) as done
        from patch_job_hosts jh join seen on seen.host_id = jh.host_id join hosts h on h.id = jh.host_id
        where jh.job_id = j.id group by jh.state
      ) t
    ) w`;
}

const withState = (row: z.infer<typeof JobRow>): JobSummary => ({
  ...row,
  state: deriveJobState(row.counts as StateCounts),
});

/**
 * Jobs that touch a host that the viewer may see, newest first, in pages of up to 200.
 * @throws AppError validation_failed, bad_request
 */
export async function jobList(db: Db, viewer: string, query: JobListQuery = {}): Promise<Page<JobSummary>> {
  const { kind, state, cursor, limit: wanted } = checked(JobListQuery, query);
  const limit = readLimit(wanted, 50, 200);
  const after = readCursor(cursor, "jobs");
  const condition = db`
    exists (select from patch_job_hosts jh join seen on seen.host_id = jh.host_id where jh.job_id = j.id)
    and ${kind ? db`j.kind = ${kind}` : db`true`}
    and ${
    state === undefined ? db`true` : db`exists (
      select from patch_job_hosts jh join seen on seen.host_id = jh.host_id
      where jh.job_id = j.id and jh.ended_at is null
    ) = ${state === "open"}`
  }`;
  const seen = db`with seen as materialized (select host_id from ${rememberedHosts(db, viewer)} remembered)`;
  const key = db`to_char(j.requested_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') collate "C"`;
  const id = db`j.id::text collate "C"`;
  const rows = await many(
    JobRow.extend({ key: z.string() }),
    db`
      ${seen}, page as materialized (
        select j.id, ${key} as key from patch_jobs j
        where ${condition} and ${after ? db`(${key}, ${id}) < (${after.key}, ${after.id})` : db`true`}
        order by ${key} desc, ${id} desc
        limit ${limit + 1}
      )
      select ${jobColumns(db)}, page.key
      from page join ${jobSource(db)} on j.id = page.id
      order by page.key desc, ${id} desc`,
  );
  const { total } = await one(
    z.object({ total: count }),
    db`${seen} select count(*)::int as total from patch_jobs j where ${condition}`,
  );
  return makePage(rows, limit, "jobs", total, ({ key: _, ...row }) => withState(row));
}

/**
 * One job.
 * @throws AppError job_not_found, also when it touches no host that the viewer may see
 */
export async function jobDetail(db: Db, viewer: string, jobId: string): Promise<JobSummary> {
  const row = !isUuid(jobId) ? null : await maybe(
    JobRow,
    db`
      with seen as materialized (select host_id from ${rememberedHosts(db, viewer)} remembered)
      select ${jobColumns(db)} from ${jobSource(db)} where j.id = ${jobId} and w.hosts > 0`,
  );
  if (!row) throw new AppError("job_not_found");
  return withState(row);
}
