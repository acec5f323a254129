import type {
  AgentErrorCode,
  FailedPackage,
  Health,
  InstalledPackage,
  JobErrorCode,
  JobPhase,
  JobStatus,
  PackageChange,
  PatchList,
  RestartNeeds,
  Service,
  SystemInfo,
} from "../protocol/api.ts";
import type { z } from "zod";

/** What every order carries. */
export interface RunOrder {
  /** The manager's run id, or one that we made when the caller sent none. */
  run_id: string;
  /** Milliseconds since the epoch after which nothing may be started; null for none. */
  deadline_ms: number | null;
  /** The state folder that the caller knows; null when it does not care. */
  state_id: string | null;
}

/** When to restart after an apply: not even when needed, when the host asks for it afterwards, in any case. */
export type RebootRule = "never" | "needed" | "always";

/** Install updates, checked and complete. */
export interface ApplyOrder extends RunOrder {
  operation: "apply";
  /** Names from our own listing; null means every installable update. */
  packages: string[] | null;
  /** Exact version wanted, by name; a name without one takes the candidate of the moment. */
  versions: Record<string, string>;
  /** New packages that were approved with them; null: whatever they bring along. */
  new_packages: string[] | null;
  security_only: boolean;
  dry_run: boolean;
  reboot: RebootRule;
  reboot_delay_seconds: number;
}

/** Finish what was interrupted or failed half-way; removes nothing. */
export interface RepairOrder extends RunOrder {
  operation: "repair";
  dry_run: boolean;
}

/** Take a job's changes back, all in one transaction. */
export interface RollbackOrder extends RunOrder {
  operation: "rollback";
  /** The ended job. */
  job_id: string;
  dry_run: boolean;
}

/** Restart the host. */
export interface RebootOrder extends RunOrder {
  operation: "reboot";
  reboot_delay_seconds: number;
  /** Although jobs wait; one that runs is never cut off. */
  force: boolean;
}

/** Everything that changes the host. */
export type HostOrder = ApplyOrder | RepairOrder | RollbackOrder | RebootOrder;

/** One job as the host keeps it, in the form of `GET /jobs/{id}`. Instants are RFC 3339. */
export interface HostJob {
  job_id: string;
  run_id: string;
  operation: "apply" | "dry_run" | "repair" | "rollback" | "reboot";
  status: JobStatus;
  phase: JobPhase;
  /** 0 to 100, never falling within a job. */
  progress_percent: number;
  message: string;
  /** At most the last 1 MiB of what the package manager said. */
  output: string;
  error: string | null;
  error_code: JobErrorCode | null;
  exit_code: number | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  packages: string[];
  dry_run: boolean;
  changes: PackageChange[];
  conffiles_kept: string[];
  failed_packages: z.infer<typeof FailedPackage>[];
  /** Whether {@link RollbackOrder} can take it back, told before (at the plan) and after. */
  rollback: { possible: boolean; reason: string | null; missing_versions: string[] };
  /** What still runs in an older version; null until the job has changed something and ended. */
  restart: RestartNeeds | null;
  boot_id_before: string | null;
  boot_id_after: string | null;
  /** The job that this one takes back. */
  original_job_id: string | null;
  /** Number of the job's last event, from 1. */
  seq: number;
}

/** One step of a job, as pushed to whoever watches. */
export interface HostJobEvent {
  job_id: string;
  run_id: string;
  seq: number;
  status: JobStatus;
  phase: JobPhase;
  progress_percent: number;
  message: string;
  /** New output since the event before, at most 64 KiB. */
  output: string;
  error: string | null;
  error_code: JobErrorCode | null;
  /** RFC 3339. */
  timestamp: string;
}

/** A refusal with a code of the wire contract and words that say what to do. */
export class OperationError extends Error {
  constructor(readonly code: AgentErrorCode, message: string, readonly retryable = false) {
    super(message);
    this.name = "OperationError";
  }
}

/**
 * What the network side asks of the side that knows the host. The root executor implements it over its unix
 * socket, the simulation in memory; the server knows only this.
 */
export interface HostOperations {
  /** Cheap: never refreshes an index, never takes a lock. */
  health(): Promise<Health>;
  systemInfo(): Promise<SystemInfo>;
  packages(): Promise<InstalledPackage[]>;
  /** Refreshes the index first when it is older than `max_index_age_seconds`; without it, never. */
  patches(options: { max_index_age_seconds?: number }): Promise<PatchList>;
  /**
   * Starts a job, at most one at a time, others wait in order (16 at most, then QUEUE_FULL). The same run_id again
   * answers the same job and starts nothing, for 90 days.
   * @throws OperationError PKG_NOT_FOUND, DEADLINE_PASSED, STATE_CHANGED, QUEUE_FULL, PKG_MANAGER_ERROR; for a
   * rollback JOB_NOT_FOUND, ROLLBACK_NOT_ALLOWED; for a restart REBOOT_BLOCKED
   */
  start(order: HostOrder): Promise<HostJob>;
  /** Newest first, at most 200. */
  jobs(): Promise<HostJob[]>;
  /** Null when there is no such job. */
  job(job_id: string): Promise<HostJob | null>;
  /** @throws OperationError JOB_NOT_FOUND, CANCEL_TOO_LATE once installing has begun or it is not ours to stop */
  cancel(job_id: string): Promise<HostJob>;
  /** Forgets an ended job. @throws OperationError JOB_NOT_FOUND, DELETE_NOT_ALLOWED */
  remove(job_id: string): Promise<void>;
  /** A service of the init system; null when there is none of that name, or no init system that we know. */
  service(name: string): Promise<Service | null>;
  /**
   * Tells every step of every job from now on. Returns how to stop watching.
   * @param on_gap steps may be missing between those told before and after it: ask for the jobs again
   */
  watch(listener: (event: HostJobEvent) => void, on_gap?: () => void): () => void;
  close(): Promise<void>;
}
