import { z } from "zod";
import type { Job, JobStatus } from "../protocol/api.ts";
import { moveRun, noteRun } from "../core/jobs/move_run.ts";
import { orderedPackages } from "../core/jobs/ordered_packages.ts";
import { type HostReport, judgeDryRun, readHostReport } from "../core/jobs/results.ts";
import { mayRestart, overtimeMinutes, ROLLBACK_START_MINUTES } from "../core/jobs/rules.ts";
import type { Run } from "../core/jobs/types.ts";
import { AgentError } from "./agent_client.ts";
import { openFeed, ProgressWriter } from "./agent_events.ts";
import { askJob, type EndedRun, hasEnded } from "./ask_job.ts";
import { beginRestart } from "./await_restart.ts";
import { type Bell, pause } from "./bell.ts";
import { addressOf, leftUntilDeadline, type RunContext } from "./run_context.ts";
import { failCommunication, failureCode, LOST_MEMORY } from "./run_failures.ts";

/** Whether a person asked to cancel; the bell is rung when that changes. */
export interface CancelWish {
  requested: boolean;
  /** The host was removed, which asks to cancel as well: its certificate is worth nothing, so it stays silent. */
  host_removed: boolean;
  bell: Bell;
}

/**
 * running → verifying (or an end, for a dry run): follows the host until it is done, by what it pushes and, when it
 * does not push, by asking every 2 s.
 * @returns null when the row was given back, is final, or the worker stops.
 */
export async function watchRun(context: RunContext, run: Run, wish: CancelWish): Promise<EndedRun | null> {
  const { clock, signal, pace } = context;
  const { bell } = wish;
  const writer = new ProgressWriter(context.sql, run);
  const feed = openFeed(context, run, (event) => {
    if (writer.add(event)) bell.ring();
  }, () => {
    // Between two sockets anything may have happened.
    writer.needs.snapshot = true;
    bell.ring();
  });
  let asked_to_cancel = false;
  let silent_since: number | null = null;
  let asked_at = -Infinity;
  /** Milliseconds until the next question: soon when something is missing, else slowly as long as the host pushes. */
  const untilQuestion = () => {
    const missing = silent_since === null &&
      (writer.needs.ended || wish.host_removed || (writer.needs.snapshot && feed.live));
    const pushing = silent_since === null && feed.live;
    const every = missing ? pace.flush_ms * 5 : pushing ? pace.safety_ms : pace.poll_ms;
    return asked_at + every - performance.now();
  };
  try {
    while (!signal.aborted) {
      if (wish.requested && !asked_to_cancel) {
        asked_to_cancel = true;
        await askToCancel(context, run);
      }
      await writer.flush();
      if (untilQuestion() <= 0) {
        asked_at = performance.now();
        writer.clearNeeds();
        const answer = await askJob(context, run);
        if (answer instanceof AgentError) {
          writer.needs.snapshot = true;
          if (answer.http?.status === 404) return await forget(context, run, answer);
          silent_since ??= performance.now();
          const silent = performance.now() - silent_since >= pace.grace_ms;
          if (silent && !wish.host_removed && mayRestart(run)) return await beginRestart(context, run);
          if (wish.host_removed || silent) {
            return await failCommunication(context, { ...run, host_removed: wish.host_removed }, answer, true);
          }
        } else {
          silent_since = null;
          run = await takeAnswer(context, run, writer, answer);
          if (hasEnded(answer.status)) return await endOnHost(context, run, readHostReport(answer.job, answer.status));
          if (answer.job.phase === "reboot-wait" && mayRestart(run)) {
            return await beginRestart(context, { ...run, phase: "reboot-wait" });
          }
          if (isNeverRun(context, run, answer.status)) return await giveUpRollback(context, run);
        }
      }
      if (leftUntilDeadline(run, clock) < -overtimeMinutes(run.kind) * 60_000) return await giveUp(context, run);
      // Not more often than this, however fast events come in.
      await pause(pace.flush_ms, signal);
      await bell.wait(untilQuestion(), signal);
    }
    return null;
  } finally {
    feed.close();
  }
}

async function takeAnswer(
  context: RunContext,
  run: Run,
  writer: ProgressWriter,
  answer: { job: Job },
): Promise<Run> {
  await writer.snapshot(answer.job);
  if (run.communication_failures > 0) {
    await noteRun(context.sql, run, { communication_failures: 0, error: null, error_code: null });
  }
  return { ...run, communication_failures: 0, log_bytes: writer.log_bytes };
}

/** A public agent records a rollback and never runs it. Ours may only have other work first. */
function isNeverRun({ clock }: RunContext, run: Run, status: JobStatus): boolean {
  if (run.kind !== "rollback" || status !== "pending" || run.agent_state_id !== null || !run.started_at) return false;
  const latest = run.started_at.add({ minutes: ROLLBACK_START_MINUTES });
  return Temporal.Instant.compare(clock.now(), latest) > 0;
}

async function giveUpRollback(context: RunContext, run: Run): Promise<null> {
  await moveRun(context.sql, run, "failed", {
    error_code: "TIMEOUT",
    message: `The agent took the rollback and did not begin it in ${ROLLBACK_START_MINUTES} minutes: public agents ` +
      "record it and never run it. Install the former versions by hand.",
  }, context.clock);
  return null;
}

/** A dry run ends here, since nothing was changed that could be read again. */
async function endOnHost(context: RunContext, run: Run, report: HostReport): Promise<EndedRun | null> {
  const { sql, clock } = context;
  if (run.kind === "dry_run") {
    const { state, message, error, error_code, patches } = judgeDryRun(await orderedPackages(sql, run), report);
    await moveRun(sql, run, state, { message, error, error_code, patches, progress: 100 }, clock);
    return null;
  }
  const next = await moveRun(
    sql,
    run,
    "verifying",
    { message: "Reading what is installed now.", phase: "verify" },
    clock,
  );
  return { run: next, report };
}

async function forget(context: RunContext, run: Run, error: AgentError): Promise<null> {
  const dry = run.kind === "dry_run";
  await moveRun(context.sql, run, dry ? "failed" : "unknown", {
    error_code: failureCode(error),
    error: error.message,
    message: dry ? "The host forgot this dry run; it changes nothing." : LOST_MEMORY,
  }, context.clock);
  return null;
}

/** A package manager is never killed half-way, but no job stays open for ever either. */
async function giveUp(context: RunContext, run: Run): Promise<null> {
  const dry = run.kind === "dry_run";
  const late = overtimeMinutes(run.kind);
  await moveRun(context.sql, run, dry ? "failed" : "unknown", {
    error_code: "TIMEOUT",
    message: dry
      ? `The dry run was not done ${late} minutes after its deadline.`
      : `The host is still at work ${late} minutes after the deadline: look at it there, do not repeat.`,
  }, context.clock);
  return null;
}

/** Asks once; the answer is told, and the end is seen like any other. */
async function askToCancel(context: RunContext, run: Run): Promise<void> {
  const { agents, sql, signal } = context;
  let message = "The host was asked to stop.";
  try {
    await agents.request(addressOf(run), {
      method: "POST",
      path: `/api/v1/jobs/${encodeURIComponent(run.agent_job_id ?? "")}/cancel`,
      schema: z.unknown(),
      signal,
    });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    message = error.http?.code === "CANCEL_TOO_LATE"
      ? "Too late to cancel: the host is installing already."
      : error.http?.status === 404 || error.http?.status === 405
      ? "This agent cannot cancel; the run goes on to its end."
      : `The host could not be asked to stop. ${error.message}`;
  }
  await noteRun(sql, run, { message: message.slice(0, 4_096) });
}
