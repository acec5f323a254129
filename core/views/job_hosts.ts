import { z } from "zod";
import { jobPhases } from "../../protocol/api.ts";
import { many, maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { hostStates, RunReport } from "../jobs/types.ts";
import { jobDetail } from "./list_jobs.ts";
import { checked, makePage, type Page, readCursor, readLimit } from "./page.ts";
import { type Fragment, rememberedHosts } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();

export const JobHostQuery = z.object({
  state: z.enum(hostStates).optional(),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type JobHostQuery = z.input<typeof JobHostQuery>;

/** One host of a job. */
export const JobHostRow = z.object({
  job_id: z.string(),
  host_id: z.string(),
  name: z.string(),
  fqdn: z.string(),
  simulated: z.boolean(),
  removed: z.boolean(),
  state: z.enum(hostStates),
  attempt: count,
  wave: count,
  progress: count,
  phase: z.enum(jobPhases).nullable().catch(null),
  message: z.string(),
  error_code: z.string().nullable(),
  error: z.string().nullable(),
  cancel_requested_at: instant.nullable(),
  queued_at: instant,
  dispatched_at: instant.nullable(),
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  next_at: instant,
  deadline_at: instant,
  communication_failures: count,
  /** Bytes of its log so far. */
  log_bytes: count,
  patches: count,
  applied: count,
  failed: count,
  /** Until when a restarting host must be back. */
  back_by: instant.nullable(),
  /** Whether the host can take the work back; null when it does not say, or has not ended. */
  rollback_possible: z.boolean().nullable(),
  /** The newest rollback of this job on this host. */
  rollback_job: z.object({ job_id: z.string(), state: z.enum(hostStates) }).nullable(),
});
export type JobHostRow = z.infer<typeof JobHostRow>;

function jobHostColumns(db: Db): Fragment {
  return db`
    jh.job_id, jh.host_id, coalesce(nullif(h.display_name, ''), h.fqdn) as name, h.fqdn, h.simulated,
    h.removed_at is not null as removed, jh.state, jh.attempt, jh.wave, jh.progress, jh.phase, jh.message, jh.error_code,
    jh.error, jh.cancel_requested_at, jh.queued_at, jh.dispatched_at, jh.started_at, jh.ended_at, jh.next_at,
    jh.deadline_at, jh.communication_failures, jh.log_bytes, p.patches, p.applied, p.failed, jh.back_by,
    (jh.report -> 'rollback' ->> 'possible')::boolean as rollback_possible,
    (
      select json_build_object('job_id', b.job_id, 'state', b.state)
      from patch_jobs back join patch_job_hosts b on b.job_id = back.id and b.host_id = jh.host_id
      where back.original_job_id = jh.job_id order by back.requested_at desc limit 1
    ) as rollback_job`;
}

/** Hosts of jobs that the viewer may see. Alias them: jh, h (host), p (numbers of its packages). */
export function jobHostSource(db: Db, viewer: string): Fragment {
  return db`
    patch_job_hosts jh
    join ${rememberedHosts(db, viewer)} seen on seen.host_id = jh.host_id
    join hosts h on h.id = jh.host_id
    cross join lateral (
      select count(*) filter (where origin = 'ordered')::int as patches,
        count(*) filter (where outcome in ('applied', 'would_apply'))::int as applied,
        count(*) filter (where outcome = 'failed')::int as failed
      from patch_job_patches jp where jp.job_id = jh.job_id and jp.host_id = jh.host_id
    ) p`;
}

/**
 * Hosts of a job, what needs a person first, then what runs, then the rest by name; in pages of up to 1,000.
 * @throws AppError job_not_found (also out of scope), validation_failed, bad_request
 */
export async function jobHosts(
  db: Db,
  viewer: string,
  jobId: string,
  query: JobHostQuery = {},
): Promise<Page<JobHostRow>> {
  const { state, cursor, limit: wanted } = checked(JobHostQuery, query);
  const limit = readLimit(wanted, 200, 1000);
  const after = readCursor(cursor, "job hosts");
  const { counts, hosts } = await jobDetail(db, viewer, jobId);
  const key = db`(
    case when jh.state in ('failed', 'unknown', 'missed') then '0'
      when jh.state in ('dispatching', 'running', 'verifying', 'rebooting') then '1'
      when jh.state in ('queued', 'waiting') then '2' else '3' end
    || lower(coalesce(nullif(h.display_name, ''), h.fqdn))) collate "C"`;
  const id = db`jh.host_id::text collate "C"`;
  const rows = await many(
    JobHostRow.extend({ key: z.string(), id: z.string() }),
    db`
      select ${jobHostColumns(db)}, ${key} as key, ${id} as id
      from ${jobHostSource(db, viewer)}
      where jh.job_id = ${jobId} and ${state ? db`jh.state = ${state}` : db`true`}
        and ${after ? db`(${key}, ${id}) > (${after.key}, ${after.id})` : db`true`}
      order by ${key}, ${id}
      limit ${limit + 1}`,
  );
  const total = state ? counts[state] ?? 0 : hosts;
  return makePage(rows, limit, "job hosts", total, ({ key: _key, id: _id, ...row }) => row);
}

/** One package of one host of a job. */
export const JobPatchRow = z.object({
  name: z.string(),
  arch: z.string(),
  from_version: z.string().nullable(),
  to_version: z.string().nullable(),
  origin: z.enum(["ordered", "dependency"]),
  action: z.enum(["upgrade", "install", "remove", "downgrade"]),
  outcome: z.enum(["pending", "applied", "would_apply", "failed", "unchanged"]),
  reason: z.string().nullable(),
  /** How a package stands that failed, in the package manager's words. */
  package_state: z.string().nullable(),
  /** The last lines of its script. */
  output: z.string().nullable(),
});
export type JobPatchRow = z.infer<typeof JobPatchRow>;
const ReportRow = z.object({
  report: RunReport.nullable(),
  boot_id_before: z.string().nullable(),
  boot_id_after: z.string().nullable(),
});
export type JobHostDetail = JobHostRow & z.infer<typeof ReportRow> & { packages: JobPatchRow[] };

/**
 * One host of a job with what was ordered there and what came of it: failures first, then by name.
 * @throws AppError job_not_found, also out of scope
 */
export async function jobHostDetail(db: Db, viewer: string, jobId: string, hostId: string): Promise<JobHostDetail> {
  const row = !isUuid(jobId) || !isUuid(hostId) ? null : await maybe(
    JobHostRow.extend(ReportRow.shape),
    db`
      select ${jobHostColumns(db)}, jh.report, jh.boot_id_before, jh.boot_id_after from ${jobHostSource(db, viewer)}
      where jh.job_id = ${jobId} and jh.host_id = ${hostId}`,
  );
  if (!row) throw new AppError("job_not_found");
  const packages = await many(
    JobPatchRow,
    db`
      select name, arch, from_version, to_version, origin, action, outcome, reason, package_state, output from patch_job_patches
      where job_id = ${jobId} and host_id = ${hostId}
      order by outcome <> 'failed', origin <> 'ordered', name collate "C", arch`,
  );
  return { ...row, packages };
}

/** A piece of a host's log. `next` is the position to ask for after it; the same as asked for when there is no more. */
export interface JobHostLog {
  text: string;
  next: number;
  /** More pieces follow right now. */
  more: boolean;
  /** Nothing will be added any more. */
  ended: boolean;
}

/**
 * What the package manager said on one host, from a position on (0 is the start), at most 200 pieces at once.
 * @throws AppError job_not_found, also out of scope; validation_failed
 */
export async function jobHostLog(
  db: Db,
  viewer: string,
  jobId: string,
  hostId: string,
  from = 0,
): Promise<JobHostLog> {
  checked(z.int().min(0).max(2 ** 31 - 1), from);
  const host = !isUuid(jobId) || !isUuid(hostId) ? null : await maybe(
    z.object({ ended: z.boolean() }),
    db`
      select jh.ended_at is not null as ended
      from patch_job_hosts jh join ${rememberedHosts(db, viewer)} seen on seen.host_id = jh.host_id
      where jh.job_id = ${jobId} and jh.host_id = ${hostId}`,
  );
  if (!host) throw new AppError("job_not_found");
  const pieces = await many(
    z.object({ position: z.number(), text: z.string() }),
    db`
      select position, text from job_logs
      where job_id = ${jobId} and host_id = ${hostId} and position >= ${from}
      order by position limit 201`,
  );
  const kept = pieces.slice(0, 200);
  const last = kept.at(-1);
  return {
    text: kept.map((piece) => piece.text).join(""),
    next: last ? last.position + 1 : from,
    more: pieces.length > kept.length,
    ended: host.ended,
  };
}
