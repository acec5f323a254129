import { type ActiveState, activeStates, type FinalState, finalStates, type HostState, hostStates } from "./types.ts";
import type { JobKind, JobState, RebootRule, StateCounts } from "./types.ts";

/**
 * Every change of state that may happen to a host of a job; what is not here is a defect of the caller.
 * - waiting: will be tried again later (communication failure, second attempt, later: maintenance window).
 * - dispatching → waiting only while the order was certainly not taken by the host.
 * - dispatching, running → unknown: the host may have started, and cannot tell any more.
 * - running → rebooting: the host is about to restart, or silent in the middle of it; → running: it had not.
 * - running → waiting: the second attempt after a failed result, as a new run.
 */
export const transitions: Record<HostState, readonly HostState[]> = {
  queued: ["dispatching", "cancelled", "missed", "failed"],
  waiting: ["dispatching", "cancelled", "missed", "failed"],
  dispatching: ["running", "waiting", "failed", "cancelled", "missed", "unknown"],
  running: ["verifying", "rebooting", "succeeded", "failed", "cancelled", "waiting", "unknown"],
  verifying: ["rebooting", "succeeded", "failed", "cancelled", "waiting", "unknown"],
  rebooting: ["running", "verifying", "succeeded", "failed", "unknown"],
  succeeded: [],
  failed: [],
  cancelled: [],
  missed: [],
  rolled_back: [],
  unknown: [],
};

export function mayMove(from: HostState, to: HostState): boolean {
  return transitions[from].includes(to);
}

export function isFinal(state: HostState): state is FinalState {
  return (finalStates as readonly string[]).includes(state);
}

/** True while the row keeps other jobs away from its host. */
export function isActive(state: HostState): state is ActiveState {
  return (activeStates as readonly string[]).includes(state);
}

/** When all have ended, the first of these that occurs names the job: what most needs a person comes first. */
const WORST_FIRST: readonly FinalState[] = ["unknown", "failed", "missed", "cancelled", "rolled_back", "succeeded"];

/**
 * A job is running as soon as one of its hosts is or was worked on and others are open; ended, it is called after
 * what most needs a person.
 * @throws RangeError for a job without hosts: there is none.
 */
export function deriveJobState(counts: StateCounts): JobState {
  const of = (states: readonly HostState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const total = of(hostStates);
  if (total === 0) throw new RangeError("a job has at least one host");
  const ended = of(finalStates);
  if (ended === total) return WORST_FIRST.find((state) => (counts[state] ?? 0) > 0)!;
  if (ended > 0 || of(activeStates) > 0) return "running";
  return (counts.queued ?? 0) > 0 ? "queued" : "waiting";
}

/** Minutes until a host that could not be reached is tried again (specification, section 6). */
export const COMMUNICATION_RETRY_MINUTES = [1, 5, 30] as const;

/**
 * @param failures how many came one after another before this one, from 0.
 * @returns seconds until the next try, or null when three retries were used up.
 */
export function communicationRetrySeconds(failures: number): number | null {
  const minutes = COMMUNICATION_RETRY_MINUTES[failures];
  return minutes === undefined ? null : minutes * 60;
}

/** A failed patch is tried twice in all (specification, section 6). */
export const MAX_ATTEMPTS = 2;
/** Seconds before the second attempt: long enough for another package manager on the host to finish a short run. */
export const SECOND_ATTEMPT_SECONDS = 10;

/** Asking again cannot change these: the order itself, or the host's set-up, is wrong. */
const HOPELESS = new Set(["CANCELLED", "PKG_NOT_FOUND", "COMMAND_NOT_FOUND", "PERMISSION_DENIED", "VALIDATION_ERROR"]);

/** Whether a run that ended in failure on the host is tried once more, as a new run. A dry run never is. */
export function triesAgain(
  run: { kind: JobKind; attempt: number; deadline_ms: number; cancel_requested: boolean },
  error_code: string | null,
  now_ms: number,
): boolean {
  return run.kind === "apply" && run.attempt < MAX_ATTEMPTS && !run.cancel_requested &&
    now_ms + SECOND_ATTEMPT_SECONDS * 1_000 < run.deadline_ms && !HOPELESS.has(error_code ?? "");
}

/** Minutes beyond the warning that a restarting host has until it must answer again. */
export const RESTART_MINUTES = 30;

/** Until when a host that restarts now must be back. */
export function backBy(now: Temporal.Instant, reboot_delay_seconds: number): Temporal.Instant {
  return now.add({ seconds: reboot_delay_seconds, minutes: RESTART_MINUTES });
}

/** True where the order is for the host to restart, or allows it. */
export function mayRestart(run: { kind: JobKind; reboot: RebootRule }): boolean {
  return run.kind === "reboot" || (run.kind === "apply" && run.reboot !== "never");
}

/** Minutes until a rollback that an agent recorded must have begun: the public one records and never runs it. */
export const ROLLBACK_START_MINUTES = 10;

/** Minutes after which nothing is started any more, when the order names no deadline. */
export function defaultDeadlineMinutes(kind: JobKind): number {
  return kind === "dry_run" ? 15 : 120;
}

/**
 * Minutes that a run which began in time may go on after its deadline before the manager stops waiting. A package
 * manager must not be killed half-way, so time alone never ends it; but no job stays open for ever.
 */
export function overtimeMinutes(kind: JobKind): number {
  return kind === "dry_run" ? 5 : 60;
}
