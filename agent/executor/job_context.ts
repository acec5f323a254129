import { type Clock, epochMs, rfc3339 } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { JobErrorCode } from "../../protocol/api.ts";
import { cleanText } from "../clean_text.ts";
import type { HostJob, HostJobEvent } from "../host_operations.ts";
import type { IndexRefresh } from "./index_refresh.ts";
import type { JobRecord } from "./job_record.ts";
import type { JobStore } from "./job_store.ts";
import type { Failure, PackageManager } from "./package_manager.ts";
import type { DetachedProcess } from "./process.ts";

/** What a job needs of the executor around it. */
export interface JobContext {
  store: JobStore;
  manager: PackageManager;
  index: IndexRefresh;
  clock: Clock;
  log: Log;
  /** Absolute path of a managed system below a folder; null for the machine itself. */
  root: string | null;
  /** What restarts the host, called like `shutdown`; null where nothing can. */
  reboot_program: string | null;
  /** Bytes that old packages may take in the state folder. */
  saved_limit_bytes: number;
  lock_timeout_seconds: number;
  /** Aborted when the executor ends: waits end then, jobs do not. */
  closing: AbortSignal;
  tell(event: HostJobEvent): void;
}

/** How a job that runs can be stopped. */
export interface JobControl {
  /** Somebody asked for it while nothing irrevocable had begun. */
  cancelled: boolean;
  /** The index refresh that runs for this job. */
  refresh: DetachedProcess | null;
  /** Ends what reads or downloads beside the package manager. */
  abort: AbortController;
  /** The transaction that runs for this job. */
  transaction: DetachedProcess | null;
  /** Past this point stopping would leave packages half installed, or the process is not ours. */
  too_late: boolean;
  /** Takes the restart back that the job waits for; null when it waits for none. */
  stop_reboot: (() => Promise<void>) | null;
}

/** A job's changes, as {@link stepJob} takes them. */
export type JobChange = Partial<Omit<HostJob, "output" | "seq">>;

/**
 * Changes a job, keeps it and tells whoever watches. Progress never falls. A full disk stops neither: the record is
 * written as soon as that works again.
 * @param options.output new output since the last event
 * @param options.durable flush to disk: at every change of state, not at every per cent
 * @param options.required the record must be on disk when this returns, before something that cannot be repeated
 * @throws Error only when `required` and it could not be written
 */
export function stepJob(
  context: JobContext,
  record: JobRecord,
  change: JobChange,
  options: { output?: string; durable?: boolean; required?: boolean } = {},
): void {
  const job = record.job;
  const percent = Math.max(job.progress_percent, change.progress_percent ?? 0);
  Object.assign(job, change, { progress_percent: percent, seq: job.seq + 1 });
  job.message = cleanText(job.message).slice(0, 4096);
  job.error = job.error === null ? null : cleanText(job.error).slice(0, 8192);
  if (options.required) context.store.save(record, true);
  else {
    const words = context.store.saveOrRetry(record, options.durable ?? false);
    if (words !== null) context.log.warn("job.not_saved", { job_id: job.job_id, message: words });
  }
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
  change: JobChange & { status: "completed" | "failed" | "cancelled" },
): void {
  if (record.stage === "waiting") tellNothingChanged(record);
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

/** An apply that changed nothing has nothing to take back, whatever was told before; a dry run keeps its promise. */
export function tellNothingChanged(record: JobRecord): void {
  if (record.order.operation !== "apply" || record.order.dry_run) return;
  record.job.rollback = { possible: false, reason: "Nothing was changed.", missing_versions: [] };
}

/** Ends a job that failed before or without its transaction. Null, so that whoever prepares can end with it. */
export function failJob(context: JobContext, record: JobRecord, failure: Failure): null {
  const { code, words } = failure;
  endJob(context, record, { status: "failed", error_code: code, error: words, message: words });
  return null;
}

/** Ends a job that broke in a way that nobody foresaw. */
export function breakJob(context: JobContext, record: JobRecord, error: unknown): void {
  const words = reason(error);
  context.log.error("job.broke", { job_id: record.job.job_id, message: words });
  failJob(context, record, { code: breakCode(error), words });
}

/** Ends a job that was cancelled before it changed anything. */
export function cancelJob(
  context: JobContext,
  record: JobRecord,
  message = "Cancelled before anything was changed.",
): null {
  endJob(context, record, { status: "cancelled", error_code: "CANCELLED", error: message, message });
  return null;
}

/** Ends a job whose deadline passed while it waited. */
export function deadlinePassed(context: JobContext, record: JobRecord): boolean {
  const { deadline_ms } = record.order;
  if (deadline_ms === null || epochMs(context.clock) <= deadline_ms) return false;
  failJob(context, record, { code: "TIMEOUT", words: "The deadline passed before anything was started." });
  return true;
}

/** Says that a job began to work. */
export function beginJob(context: JobContext, record: JobRecord, message: string): void {
  const started_at = rfc3339(context.clock.now());
  stepJob(context, record, { status: "running", phase: "refresh", started_at, message });
}

/** What the operator is told of an error of the system that ended a job. */
export function breakCode(error: unknown): JobErrorCode {
  const code = error instanceof Error ? (error as { code?: string }).code ?? "" : "";
  if (code === "ENOSPC" || code === "EDQUOT") return "DISK_FULL";
  return code === "ETIMEDOUT" ? "TIMEOUT" : "UNKNOWN_ERROR";
}
