import { z } from "zod";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { deriveJobState } from "../jobs/rules.ts";
import { hostStates, jobKinds, type JobState, rebootRules, type StateCounts } from "../jobs/types.ts";
import { inSight, jobInSight, jobSight, jobStanding } from "./job_standing.ts";
import { checked, makePage, type Page, readCursor, readLimit } from "./page.ts";
import type { Fragment } from "./scope.ts";

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
    j.cancel_reason, w.ended_at, w.counts, w.hosts, w.host_name, w.patches, w.progress, w.simulated`;
}

/** Jobs with how they stand, after `jobSight`. */
function jobSource(db: Db): Fragment {
  return db`
    patch_jobs j
    join users u on u.id = j.requested_by
    left join users cu on cu.id = j.cancelled_by
    cross join lateral ${jobStanding(db)} w`;
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
    ${jobInSight(db)}
    and ${kind ? db`j.kind = ${kind}` : db`true`}
    and ${
    state === undefined ? db`true` : db`exists (
      select from patch_job_hosts r where r.job_id = j.id and r.ended_at is null and ${inSight(db)}
    ) = ${state === "open"}`
  }`;
  const sight = db`with ${jobSight(db, viewer)}`;
  const key = db`to_char(j.requested_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') collate "C"`;
  const id = db`j.id::text collate "C"`;
  const rows = await many(
    JobRow.extend({ key: z.string() }),
    db`
      ${sight}, page as materialized (
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
    db`${sight} select count(*)::int as total from patch_jobs j where ${condition}`,
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
      with ${jobSight(db, viewer)}
      select ${jobColumns(db)} from ${jobSource(db)} where j.id = ${jobId} and w.hosts > 0`,
  );
  if (!row) throw new AppError("job_not_found");
  return withState(row);
}
