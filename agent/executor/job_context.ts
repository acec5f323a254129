import { type Clock, rfc3339 } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { HostJob, HostJobEvent } from "../host_operations.ts";
import { cleanText } from "./followed_file.ts";
import type { IndexRefresh } from "./index_refresh.ts";
import type { JobRecord, JobStore } from "./job_store.ts";
import type { PackageManager } from "./package_manager.ts";
import type { DetachedProcess } from "./process.ts";

/** What a job needs of the executor around it. */
export interface JobContext {
  store: JobStore;
  manager: PackageManager;
  index: IndexRefresh;
  clock: Clock;
  log: Log;
  tell(event: HostJobEvent): void;
}

/** How a job that runs can be stopped. */
export interface JobControl {
  /** Somebody asked for it while nothing irrevocable had begun. */
  cancelled: boolean;
  /** The index refresh that runs for this job. */
  refresh: DetachedProcess | null;
  /** The transaction that runs for this job. */
  transaction: DetachedProcess | null;
  /** Past this point stopping would leave packages half installed, or the process is not ours. */
  too_late: boolean;
}

/**
 * Changes a job, keeps it and tells whoever watches. Progress never falls.
 * @param options.output new output since the last event
 * @param options.durable flush to disk: at every change of state, not at every per cent
 */
export function stepJob(
  context: JobContext,
  record: JobRecord,
  change: Partial<Omit<HostJob, "output" | "seq">>,
  options: { output?: string; durable?: boolean } = {},
): void {
  const job = record.job;
  const percent = Math.max(job.progress_percent, change.progress_percent ?? 0);
  Object.assign(job, change, { progress_percent: percent, seq: job.seq + 1 });
  job.message = cleanText(job.message).slice(0, 4096);
  context.store.save(record, options.durable ?? false);
  const { job_id, run_id, seq, status, phase, progress_percent, message, error, error_code } = job;
  const timestamp = rfc3339(context.clock.now());
  context.tell({
    ...{ job_id, run_id, seq, status, phase, progress_percent, message, error, error_code, timestamp },
    output: options.output ?? "",
  });
}

/** Ends a job for good. */
export function endJob(
  context: JobContext,
  record: JobRecord,
  change: Partial<Omit<HostJob, "output" | "seq">> & { status: "completed" | "failed" | "cancelled" },
): void {
  record.stage = "ended";
  record.pid = null;
  const full = {
    ...change,
    phase: "done" as const,
    completed_at: rfc3339(context.clock.now()),
    progress_percent: change.status === "completed" ? 100 : 0,
  };
  stepJob(context, record, full, { durable: true });
  const { job_id, run_id, error_code, message } = record.job;
  const fields = { job_id, run_id, message, ...(error_code ? { error_code } : {}) };
  context.log[change.status === "failed" ? "warn" : "info"](`job.${change.status}`, fields);
}
