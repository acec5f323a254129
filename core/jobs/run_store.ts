import { z } from "zod";
import { type Db, many, maybe } from "../database/connection.ts";
import { isFinal } from "./rules.ts";
import { activeStates, hostStates, jobKinds, JobPatch, openStates, type Outcome, Run, type RunKey } from "./types.ts";
import type { HostState, JobKind, RunReport } from "./types.ts";

/** How long a claimed row belongs to whoever claimed it, in seconds; renewed every third of it. */
export const LEASE_SECONDS = 30;

/**
 * Claims due rows, oldest first: nobody else gets them until the lease ends. A row whose host is busy with another
 * job stays. While the lease holds, next_at is its end, so that reading what is due skips it by the index.
 */
export function claimRuns(db: Db, limit: number): Promise<Run[]> {
  return many(
    Run,
    db`
      with due as (
        select r.job_id, r.host_id from patch_job_hosts r
        where r.state = any(${[...openStates]}::text[]) and r.next_at <= app_now()
          and (r.lease_until is null or r.lease_until <= app_now())
          and (
            r.state not in ('queued', 'waiting')
            or not exists (
              select from patch_job_hosts other
              where other.host_id = r.host_id and other.state = any(${[...activeStates]}::text[])
            )
          )
        order by r.next_at limit ${limit}
        for update of r skip locked
      )
      update patch_job_hosts r
      set lease_until = app_now() + make_interval(secs => ${LEASE_SECONDS}),
        next_at = app_now() + make_interval(secs => ${LEASE_SECONDS}), fence = r.fence + 1
      from due, patch_jobs j, hosts h
      where r.job_id = due.job_id and r.host_id = due.host_id and j.id = r.job_id and h.id = r.host_id
      returning r.*, j.kind, j.reboot, j.reboot_delay_seconds, h.fqdn, host(h.address) as address, h.port, h.tls_name, h.removed_at is not null as host_removed`,
  );
}

/**
 * Holds the row for another lease. Null when it went on without the caller. The state is not compared: the holder
 * itself may be changing it at this moment.
 */
export function renewRun(
  db: Db,
  run: RunKey,
): Promise<{ cancel_requested_at: Temporal.Instant | null; host_removed: boolean } | null> {
  return maybe(
    z.object({ cancel_requested_at: z.instanceof(Temporal.Instant).nullable(), host_removed: z.boolean() }),
    db`
      update patch_job_hosts
      set lease_until = app_now() + make_interval(secs => ${LEASE_SECONDS}),
        next_at = app_now() + make_interval(secs => ${LEASE_SECONDS})
      where job_id = ${run.job_id} and host_id = ${run.host_id} and fence = ${run.fence} and lease_until is not null
      returning cancel_requested_at,
        (select h.removed_at is not null from hosts h where h.id = patch_job_hosts.host_id) as host_removed`,
  );
}

/** Columns that a step may set besides the state. */
export interface RunChange {
  run_id?: string;
  attempt?: number;
  communication_failures?: number;
  agent_job_id?: string | null;
  agent_state_id?: string | null;
  agent_seq?: number;
  boot_id_before?: string | null;
  boot_id_after?: string | null;
  back_by?: Temporal.Instant | null;
  phase?: string | null;
  message?: string;
  error_code?: string | null;
  error?: string | null;
  log_start?: number;
  progress?: number;
}

export interface RunStep extends RunChange {
  /** Give the row back, to be claimed again after this many seconds; 0 is at once. */
  release_for_seconds?: number;
  dispatched?: true | null;
  started?: true;
  /** What the host said at its end, for people. */
  report?: RunReport;
}

/** Compare and set on (job, host, state, fence). Null when the row went on without the caller. */
export function updateRun(db: Db, run: RunKey, to: HostState, step: RunStep): Promise<RunRow | null> {
  const { release_for_seconds, dispatched, started, report, ...change } = step;
  const released = isFinal(to)
    ? db`, lease_until = null, ended_at = app_now()`
    : release_for_seconds === undefined
    ? db``
    : db`, lease_until = null, next_at = app_now() + make_interval(secs => ${release_for_seconds})`;
  return maybe(
    RunRow,
    db`
      update patch_job_hosts set ${db({ ...change, state: to })} ${released}
        ${dispatched ? db`, dispatched_at = app_now()` : dispatched === null ? db`, dispatched_at = null` : db``}
        ${started ? db`, started_at = app_now()` : db``}
        ${report ? db`, report = ${db.json(report as never)}` : db``}
      where job_id = ${run.job_id} and host_id = ${run.host_id} and state = ${run.state} and fence = ${run.fence}
      returning host_id, state, attempt, progress, phase, message, error_code, error, next_at, cancel_requested_at`,
  );
}

/** What open pages are told of a host of a job. */
export const RunRow = z.object({
  host_id: z.string(),
  state: z.enum(hostStates),
  attempt: z.number(),
  progress: z.number(),
  phase: z.string().nullable(),
  message: z.string(),
  error_code: z.string().nullable(),
  error: z.string().nullable(),
  next_at: z.instanceof(Temporal.Instant),
  cancel_requested_at: z.instanceof(Temporal.Instant).nullable(),
});
export type RunRow = z.infer<typeof RunRow>;

/** Gives rows of a worker that stops back to whoever comes next. */
export async function releaseRuns(db: Db, runs: RunKey[]): Promise<number> {
  const rows = await db`
    update patch_job_hosts r set lease_until = null, next_at = app_now()
    from unnest(
      ${runs.map((run) => run.job_id)}::uuid[], ${runs.map((run) => run.host_id)}::uuid[],
      ${runs.map((run) => run.fence)}::int[]
    ) as mine (job_id, host_id, fence)
    where r.job_id = mine.job_id and r.host_id = mine.host_id and r.fence = mine.fence
      and r.state = any(${[...openStates]}::text[]) and r.lease_until is not null
    returning r.host_id`;
  return rows.length;
}

export function patchesOfRun(db: Db, job_id: string, host_id: string): Promise<JobPatch[]> {
  return many(
    JobPatch,
    db`
      select name, arch, from_version, to_version, origin, action, outcome, reason, package_state, output
      from patch_job_patches
      where job_id = ${job_id} and host_id = ${host_id} order by origin desc, name, arch`,
  );
}

export async function saveOutcomes(db: Db, run: RunKey, patches: JobPatch[]): Promise<void> {
  const text = (pick: (patch: JobPatch) => string | null) => patches.map(pick);
  await db`
    insert into patch_job_patches
      (job_id, host_id, name, arch, from_version, to_version, origin, action, outcome, reason, package_state, output)
    select ${run.job_id}, ${run.host_id}, p.*
    from unnest(
      ${text((patch) => patch.name)}::text[], ${text((patch) => patch.arch)}::text[],
      ${text((patch) => patch.from_version)}::text[], ${text((patch) => patch.to_version)}::text[],
      ${text((patch) => patch.origin)}::text[], ${text((patch) => patch.action)}::text[],
      ${text((patch): Outcome => patch.outcome)}::text[], ${text((patch) => patch.reason)}::text[],
      ${text((patch) => patch.package_state ?? null)}::text[], ${text((patch) => patch.output ?? null)}::text[]
    ) as p
    on conflict (job_id, host_id, name, arch) do update
    set outcome = excluded.outcome, reason = excluded.reason, action = excluded.action,
      package_state = excluded.package_state, output = excluded.output`;
}

/**
 * What was not sent ends; what was sent is marked to be asked. The fence of what ends is raised, so that an executor
 * that has just claimed it finds out before it sends. A host whose first attempt failed stays failed: it was changed.
 */
export function cancelOpenRuns(db: Db, job_id: string, host_ids: string[]): Promise<RunRow[]> {
  return many(
    RunRow,
    db`
      update patch_job_hosts
      set cancel_requested_at = coalesce(cancel_requested_at, app_now()),
        state = case
          when state not in ('queued', 'waiting') then state
          when attempt > 1 then 'failed'
          else 'cancelled'
        end,
        message = case
          when state not in ('queued', 'waiting') then message
          when attempt > 1 then 'The second attempt was cancelled; see what the first one did.'
          else 'Cancelled before it began.'
        end,
        ended_at = case when state in ('queued', 'waiting') then app_now() else ended_at end,
        lease_until = case when state in ('queued', 'waiting') then null else lease_until end,
        fence = case when state in ('queued', 'waiting') then fence + 1 else fence end
      where job_id = ${job_id} and host_id = any(${host_ids}::uuid[])
        and state in ('queued', 'waiting', 'dispatching', 'running')
      returning host_id, state, attempt, progress, phase, message, error_code, error, next_at, cancel_requested_at`,
  );
}

/** How far a held row has come; null when somebody else holds it. */
export function findRunStage(
  db: Db,
  run: RunKey,
): Promise<{ state: HostState; dispatched: boolean; attempt: number; kind: JobKind } | null> {
  return maybe(
    z.object({ state: z.enum(hostStates), dispatched: z.boolean(), attempt: z.number(), kind: z.enum(jobKinds) }),
    db`
      select r.state, r.dispatched_at is not null as dispatched, r.attempt, j.kind
      from patch_job_hosts r join patch_jobs j on j.id = r.job_id
      where r.job_id = ${run.job_id} and r.host_id = ${run.host_id} and r.fence = ${run.fence}
        and r.lease_until is not null`,
  );
}
