import type { ApplyRequest, JobEvent, RebootRequest, RepairRequest, RollbackRequest } from "../protocol/api.ts";
import { type Clock } from "../core/clock.ts";
import { uuidv7 } from "../core/ids.ts";
import type {
  ApplyOrder,
  HostJob,
  HostJobEvent,
  RebootOrder,
  RepairOrder,
  RollbackOrder,
  RunOrder,
} from "./host_operations.ts";
import { type FieldProblem, invalid } from "./server/answer.ts";

/** The longest log that is sent as lines, and the longest line: what a manager's schema accepts. */
const MAX_LINES = 20_000;
const MAX_LINE = 4096;

/**
 * A job on the wire. Public agent and manager name the same things differently, so both names are sent: progress
 * and progress_percent, output and logs. In a list the log is left out, or 200 jobs would be 400 MiB.
 * @param rollback_job_id the job that took this one back, see {@link rollbackOf}
 */
export function wireJob(
  job: HostJob,
  form: "full" | "listed",
  rollback_job_id: string | null = null,
): Record<string, unknown> {
  const { run_id, output, ...rest } = job;
  return {
    ...rest,
    id: job.job_id,
    progress: job.progress_percent,
    idempotency_key: run_id,
    rollback_job_id,
    ...(form === "full" ? { output, logs: logLines(output) } : {}),
  };
}

/** The newest job among all that took this one back, or tried to; null when there is none. A dry run takes nothing back. */
export function rollbackOf({ job_id }: HostJob, all: HostJob[]): string | null {
  const found = all.filter((job) => job.operation === "rollback" && !job.dry_run && job.original_job_id === job_id);
  return found.toSorted((a, b) => a.created_at < b.created_at ? 1 : -1)[0]?.job_id ?? null;
}

function logLines(output: string): string[] {
  if (output === "") return [];
  const lines = output.replace(/\n$/, "").split("\n");
  return lines.slice(-MAX_LINES).map((line) => line.length > MAX_LINE ? line.slice(0, MAX_LINE) : line);
}

/** One step of a job as it goes over the event socket. */
export function wireEvent(event: HostJobEvent): JobEvent {
  const { run_id: _, ...rest } = event;
  return { event: "job_status", ...rest, progress: event.progress_percent };
}

/** The present state of a job in the form of an event, without its log: what answers a subscription. */
export function wireState(job: HostJob, timestamp: string): JobEvent {
  return {
    event: "job_status",
    job_id: job.job_id,
    status: job.status,
    phase: job.phase,
    progress: job.progress_percent,
    progress_percent: job.progress_percent,
    message: job.message,
    seq: job.seq,
    timestamp,
    error: job.error,
    error_code: job.error_code,
  };
}

/**
 * The order that a request means.
 * @throws Refusal VALIDATION_ERROR when its parts contradict each other; a restart that only half was asked for
 * must not happen by a guess
 */
export function readOrder(request: ApplyRequest, clock: Clock): ApplyOrder {
  const problems: FieldProblem[] = [];
  if (request.reboot !== undefined && request.allow_reboot !== undefined && request.reboot !== request.allow_reboot) {
    problems.push({
      field: "allow_reboot",
      problem: "contradicts reboot: send the same value in both, or one of them",
    });
  }
  const permitted = request.allow_reboot ?? request.reboot;
  if (request.reboot_when !== undefined && permitted !== undefined && (request.reboot_when !== "never") !== permitted) {
    problems.push({ field: "reboot_when", problem: "contradicts reboot or allow_reboot" });
  }
  const names = request.packages?.length ? [...new Set(request.packages)] : null;
  const versions = request.versions ?? {};
  const known = names && new Set(names);
  for (const name of Object.keys(versions)) {
    if (known && !known.has(name)) problems.push({ field: `versions.${name}`, problem: "is not among packages" });
  }
  if (problems.length > 0) throw invalid(problems);
  return {
    ...readRun(request, clock),
    operation: "apply",
    packages: names,
    versions,
    new_packages: request.new_packages ?? null,
    security_only: request.security_only ?? false,
    dry_run: request.dry_run ?? false,
    reboot: request.reboot_when ?? (permitted ? "needed" : "never"),
    reboot_delay_seconds: request.reboot_delay_seconds ?? 0,
  };
}

/** The order that `POST /system/repair` means. */
export function readRepair(request: RepairRequest, clock: Clock): RepairOrder {
  return { ...readRun(request, clock), operation: "repair", dry_run: request.dry_run ?? false };
}

/** The order that `POST /jobs/{id}/rollback` means. */
export function readRollback(job_id: string, request: RollbackRequest, clock: Clock): RollbackOrder {
  return { ...readRun(request, clock), operation: "rollback", job_id, dry_run: request.dry_run ?? false };
}

/** The order that `POST /system/reboot` means. */
export function readReboot(request: RebootRequest, clock: Clock): RebootOrder {
  return {
    ...readRun(request, clock),
    operation: "reboot",
    reboot_delay_seconds: request.delay_seconds ?? 0,
    force: request.force ?? false,
  };
}

function readRun(request: Pick<ApplyRequest, "idempotency_key" | "deadline" | "state_id">, clock: Clock): RunOrder {
  return {
    run_id: request.idempotency_key ?? uuidv7(clock),
    deadline_ms: request.deadline === undefined ? null : Temporal.Instant.from(request.deadline).epochMilliseconds,
    state_id: request.state_id ?? null,
  };
}
