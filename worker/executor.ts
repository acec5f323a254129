import { reason } from "../core/errors.ts";
import { claimDueRuns, releaseLeases, renewLease } from "../core/jobs/claim_runs.ts";
import { LostRun } from "../core/jobs/move_run.ts";
import { parkRun } from "../core/jobs/park_run.ts";
import type { Run } from "../core/jobs/types.ts";
import type { Log } from "../core/log.ts";
import type { EndedRun } from "./ask_job.ts";
import { awaitRestart } from "./await_restart.ts";
import { Bell } from "./bell.ts";
import { beginRun, dispatchRun } from "./dispatch_run.ts";
import { isPassing } from "./passing_failure.ts";
import type { RunContext } from "./run_context.ts";
import { verifyRun } from "./verify_run.ts";
import { type CancelWish, watchRun } from "./watch_run.ts";

export interface ExecutorOptions extends RunContext {
  /** Most hosts at once. Default 64. */
  concurrency?: number;
  /** A place became free while more may be waiting. */
  on_free?: () => void;
}

/** Brings jobs to hosts and follows them to their end, each host for itself. */
export interface Executor {
  /** Takes what is due, as far as there is room. True when more may be due at once. */
  turn(): Promise<boolean>;
  /** Somebody changed a job: whoever follows one looks whether it is to be cancelled. */
  lookAgain(): void;
  /** Hosts that are being worked on. */
  readonly running: number;
  /** Waits for the steps that run to stop (after the signal) and hands their rows over. Says how many. */
  stop(): Promise<number>;
}

interface Held {
  run: Run;
  wish: CancelWish;
  work: Promise<void>;
  renew: () => Promise<void>;
}

export function createExecutor(options: ExecutorOptions): Executor {
  const { sql, signal, concurrency = 64, on_free = () => {} } = options;
  const held = new Set<Held>();

  const hold = (run: Run): Held => {
    const wish: CancelWish = {
      requested: run.cancel_requested_at !== null,
      host_removed: run.host_removed,
      bell: new Bell(),
    };
    const lost = new AbortController();
    const context = { ...options, signal: AbortSignal.any([signal, lost.signal]) };
    const renew = async () => {
      try {
        const { cancel_requested, host_removed } = await renewLease(sql, run);
        wish.host_removed = host_removed;
        if (!cancel_requested || wish.requested) return;
        wish.requested = true;
        wish.bell.ring();
      } catch (error) {
        // A database that is away is no reason to let go: the lease tells by its end.
        if (error instanceof LostRun) lost.abort(error);
      }
    };
    const timer = setInterval(() => void renew(), options.pace.renew_ms);
    const entry: Held = { run, wish, renew, work: Promise.resolve() };
    entry.work = workOn(context, run, wish).then((released) => {
      clearInterval(timer);
      // On a stop the row stays among the held ones, to be handed over.
      if (released || !signal.aborted) held.delete(entry);
      if (!signal.aborted) on_free();
    });
    return entry;
  };

  return {
    get running() {
      return held.size;
    },
    async turn() {
      if (signal.aborted) return false;
      const room = concurrency - held.size;
      if (room <= 0) return false;
      const runs = await claimDueRuns(sql, room);
      for (const run of runs) held.add(hold(run));
      return runs.length === room && held.size < concurrency;
    },
    lookAgain() {
      for (const { renew } of held) void renew();
    },
    async stop() {
      await Promise.all([...held].map((entry) => entry.work));
      return await releaseLeases(sql, [...held].map((entry) => entry.run));
    },
  };
}

/**
 * Takes one run as far as it goes now. Never rejects: what nobody foresaw parks this row, and the others go on.
 * @returns false when the row is still ours, because the worker stops.
 */
async function workOn(context: RunContext, run: Run, wish: CancelWish): Promise<boolean> {
  const { signal } = context;
  const log = context.log.with({ job_id: run.job_id, host_id: run.host_id, run_id: run.run_id });
  try {
    const end = await takeSteps(context, run, wish);
    // A renewal may find out between two steps.
    if (end === "stopped" && signal.reason instanceof LostRun) throw signal.reason;
    return end === "final_or_released";
  } catch (error) {
    if (error instanceof LostRun) {
      log.info("run.lost", { message: error.message });
      return true;
    }
    if (signal.aborted) return false;
    // Not the row's fault: its lease ends, and somebody takes it up again where it stands.
    if (isPassing(error)) log.warn("run.interrupted", { message: reason(error) });
    else await park(context, run, error, log);
    return true;
  }
}

async function park(context: RunContext, run: Run, error: unknown, log: Log): Promise<void> {
  log.error("run.parked", { message: reason(error) });
  try {
    await parkRun(context.sql, run, reason(error), context.clock);
  } catch (again) {
    log.error("run.not_parked", { message: reason(again) });
  }
}

/** One step after the other. */
async function takeSteps(
  context: RunContext,
  run: Run,
  wish: CancelWish,
): Promise<"final_or_released" | "stopped"> {
  let at: Run | null = run;
  let ended: EndedRun | null = null;
  while (at !== null) {
    if (context.signal.aborted) return "stopped";
    switch (at.state) {
      case "queued":
      case "waiting":
        at = await beginRun(context, at);
        break;
      case "dispatching":
        at = await dispatchRun(context, at);
        break;
      case "running":
        ended = await watchRun(context, at, wish);
        if (ended === null && context.signal.aborted) return "stopped";
        at = ended?.run ?? null;
        break;
      case "rebooting":
        ended = await awaitRestart(context, at);
        at = ended?.run ?? null;
        break;
      case "verifying":
        at = await verifyRun(context, at, ended?.report ?? null);
        break;
      default:
        throw new Error(`there is no step for a host of a job that is ${at.state}`);
    }
  }
  return "final_or_released";
}
