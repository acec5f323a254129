import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { announceRun } from "./announce.ts";
import { endWithLastHost } from "./move_run.ts";
import { type JobViewer, refuseAuditor } from "./place_job.ts";
import { isFinal } from "./rules.ts";
import { cancelOpenRuns, type RunRow } from "./run_store.ts";
import { lockJob, markCancelled, openRunsOf, visibleJob, wakeFleet } from "./store.ts";

export interface CancelledJob {
  /** Hosts whose work had not begun: it never will. */
  cancelled: number;
  /** Hosts that were asked to stop; each says for itself whether it was too late. */
  asked: number;
  /** Hosts that have installed already and are being read: too late. */
  too_late: number;
}

/**
 * Cancels a job on the hosts that the viewer may know of: at once where nothing was sent yet, else by asking the host,
 * which refuses once it installs.
 * @throws AppError forbidden (auditor), job_not_found (also out of scope), job_final when nothing is open,
 *   validation_failed
 */
export async function cancelJob(
  sql: Sql,
  viewer: JobViewer,
  job_id: string,
  reason: string,
  context: Context,
): Promise<CancelledJob> {
  refuseAuditor(viewer);
  if (reason.length > 1_000 || reason.includes("\u0000")) {
    throw new AppError("validation_failed", {
      details: [{ field: "reason", problem: "is longer than 1,000 characters" }],
    });
  }
  return await transaction(sql, async (tx) => {
    if (!await visibleJob(tx, viewer.sees, job_id)) throw new AppError("job_not_found");
    await lockJob(tx, job_id);
    const open = await openRunsOf(tx, viewer.sees, job_id);
    if (open.length === 0) throw new AppError("job_final");
    const rows = await cancelOpenRuns(tx, job_id, open);
    await markCancelled(tx, job_id, viewer.id, reason);
    const result = await announceCancelled(tx, job_id, rows, open.length, context);
    await appendFor(tx, context, {
      action: "job.cancel",
      object: { kind: "job", id: job_id },
      outcome: "success",
      details: { reason, hosts: open, ...result },
    });
    return result;
  });
}

/**
 * Ends what is open on a host that is being removed: what was not begun is cancelled; what runs there can no longer
 * be followed and ends as unknown by the fleet role. For the caller's transaction, before its audit row.
 * @returns how many jobs were touched.
 */
export async function cancelWorkOfHost(tx: Tx, host_id: string, context: Context): Promise<number> {
  const jobs = await tx`
    select distinct job_id from patch_job_hosts
    where host_id = ${host_id} and state in ('queued', 'waiting', 'dispatching', 'running') order by job_id`;
  // All locks on jobs come before the first event, whose lock everybody else takes last.
  for (const { job_id } of jobs) await lockJob(tx, job_id);
  for (const { job_id } of jobs) {
    const rows = await cancelOpenRuns(tx, job_id, [host_id]);
    await announceCancelled(tx, job_id, rows, rows.length, context);
  }
  return jobs.length;
}

async function announceCancelled(
  tx: Tx,
  job_id: string,
  rows: RunRow[],
  open: number,
  context: Context,
): Promise<CancelledJob> {
  await wakeFleet(tx, job_id);
  for (const row of rows) await announceRun(tx, job_id, row);
  const cancelled = rows.filter((row) => isFinal(row.state)).length;
  if (cancelled > 0) await endWithLastHost(tx, job_id, context.clock);
  return { cancelled, asked: rows.length - cancelled, too_late: open - rows.length };
}
