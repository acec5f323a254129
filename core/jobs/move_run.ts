import { appendAudit } from "../audit/append_audit.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { announceJob, announceRun } from "./announce.ts";
import { deriveJobState, isFinal, mayMove } from "./rules.ts";
import { type RunStep, saveOutcomes, updateRun } from "./run_store.ts";
import { countStates, endJob, lockJob } from "./store.ts";
import type { HostState, JobPatch, RunKey } from "./types.ts";

/** The row went on without the caller: its lease ended and somebody else took it, or it was cancelled. */
export class LostRun extends Error {
  constructor(run: RunKey) {
    super(`job ${run.job_id} on host ${run.host_id} is no longer ${run.state} with fence ${run.fence}`);
    this.name = "LostRun";
  }
}

/** The host is busy with another job: the unique index on running rows said so. */
export class HostBusy extends Error {
  constructor(run: RunKey) {
    super(`host ${run.host_id} is busy with another job`);
    this.name = "HostBusy";
  }
}

export interface MoveOptions extends RunStep {
  /** What came of each package, written in the same transaction. */
  patches?: JobPatch[];
}

/**
 * The only way in which a host of a job changes its state: compare-and-set on job, host, state and fence, with the
 * outcomes, the event and (with the last host) the job's end in one transaction.
 * @returns the key with the new state, for the next step.
 * @throws LostRun when the row went on without the caller, HostBusy when another job holds the host; TypeError for a
 *   change that the state machine does not have.
 */
export async function moveRun<R extends RunKey>(
  sql: Sql,
  run: R,
  to: HostState,
  options: MoveOptions,
  clock: Clock,
): Promise<R> {
  if (!mayMove(run.state, to)) throw new TypeError(`a host of a job does not go from ${run.state} to ${to}`);
  await transaction(sql, async (tx) => {
    const { patches, ...step } = options;
    // Before the row: two last hosts would otherwise each not see the other's end.
    if (isFinal(to)) await lockJob(tx, run.job_id);
    const row = await updateRun(tx, run, to, step).catch((error) => {
      throw isBusy(error) ? new HostBusy(run) : error;
    });
    if (!row) throw new LostRun(run);
    if (patches?.length) await saveOutcomes(tx, run, patches);
    await announceRun(tx, run.job_id, row);
    if (isFinal(to)) await endWithLastHost(tx, run.job_id, clock);
    else if (to === "dispatching" || to === "waiting") {
      await announceJob(tx, run.job_id, await countStates(tx, run.job_id));
    }
  });
  return { ...run, state: to };
}

/** A step within a state: it changes facts, or gives the row back for a while. */
export async function noteRun<R extends RunKey>(sql: Sql, run: R, step: RunStep): Promise<R> {
  await transaction(sql, async (tx) => {
    const row = await updateRun(tx, run, run.state, step);
    if (!row) throw new LostRun(run);
    if (step.message !== undefined || step.release_for_seconds !== undefined) await announceRun(tx, run.job_id, row);
  });
  return run;
}

/** Ends the job when its last host has ended, with an audit row as last statement; else tells the counts. */
export async function endWithLastHost(tx: Tx, job_id: string, clock: Clock): Promise<void> {
  const counts = await countStates(tx, job_id);
  const open = Object.keys(counts).some((state) => !isFinal(state as HostState));
  const ended = !open && await endJob(tx, job_id);
  await announceJob(tx, job_id, counts);
  if (!ended) return;
  const state = deriveJobState(counts);
  await appendAudit(tx, {
    actor: { kind: "system", name: "jobs" },
    action: "job.end",
    object: { kind: "job", id: job_id },
    outcome: state === "succeeded" ? "success" : "failure",
    details: { state, hosts: counts },
  }, clock);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "constraint_name" in error && error.constraint_name === "patch_job_hosts_running";
}
