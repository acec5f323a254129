import type { Job, JobStatus } from "../protocol/api.ts";
import { rfc3339 } from "../core/clock.ts";
import { moveRun, noteRun } from "../core/jobs/move_run.ts";
import { noReport, readHostReport } from "../core/jobs/results.ts";
import { backBy } from "../core/jobs/rules.ts";
import type { Run } from "../core/jobs/types.ts";
import { AgentError } from "./agent_client.ts";
import { ProgressWriter } from "./agent_events.ts";
import { askJob, type EndedRun, hasEnded } from "./ask_job.ts";
import type { RunContext } from "./run_context.ts";
import { failCommunication } from "./run_failures.ts";

/**
 * running → rebooting: the host is about to restart, or silent in the middle of a run that may restart it. The row is
 * given back between two questions, so that hosts that take their time cost no place.
 */
export async function beginRestart(context: RunContext, run: Run): Promise<null> {
  const back_by = run.back_by ?? backBy(context.clock.now(), run.reboot_delay_seconds);
  await moveRun(context.sql, run, "rebooting", {
    back_by,
    message: `Restarting. It has until ${rfc3339(back_by)} to be back.`,
    release_for_seconds: context.pace.restart_ms / 1_000,
  }, context.clock);
  return null;
}

/**
 * rebooting → verifying once the host says that it is done, or answers without memory of the run; → running when it
 * goes on working, so that it was not restarting at all. Silence is no failure before the time is over.
 * @returns null when the row was given back, or is final.
 */
export async function awaitRestart(context: RunContext, run: Run): Promise<EndedRun | null> {
  const { sql, clock, pace } = context;
  const answer = await askJob(context, run);
  if (answer instanceof AgentError) {
    if (answer.http?.status === 404) return await verify(context, run, null);
    if (run.host_removed) return await failCommunication(context, run, answer, true);
    if (isLate(context, run)) return await giveUp(context, run, answer.message);
  } else {
    await new ProgressWriter(sql, run).snapshot(answer.job);
    if (hasEnded(answer.status)) return await verify(context, run, answer);
    if (answer.job.phase !== undefined && answer.job.phase !== "reboot-wait") {
      const step = { back_by: null, message: answer.job.message ?? "At work." };
      return { run: { ...await moveRun(sql, run, "running", step, clock), back_by: null }, report: null };
    }
    if (isLate(context, run)) return await giveUp(context, run, null);
  }
  await noteRun(sql, run, { release_for_seconds: pace.restart_ms / 1_000 });
  return null;
}

async function verify(
  context: RunContext,
  run: Run,
  answer: { job: Job; status: JobStatus } | null,
): Promise<EndedRun> {
  const message = "The host is back. Reading what is installed now.";
  const next = await moveRun(context.sql, run, "verifying", { message, phase: "verify" }, context.clock);
  return {
    run: next,
    report: answer && hasEnded(answer.status) ? readHostReport(answer.job, answer.status) : noReport,
  };
}

function isLate({ clock }: RunContext, run: Run): boolean {
  return run.back_by === null || Temporal.Instant.compare(clock.now(), run.back_by) > 0;
}

/** @param silence why it does not answer; null when it answers and has not restarted. */
async function giveUp(context: RunContext, run: Run, silence: string | null): Promise<null> {
  const by = run.back_by === null ? "in time" : `by ${rfc3339(run.back_by)}`;
  // Silent before anybody saw that it restarts: it may have stopped in the middle of installing.
  const certain = silence === null || run.kind === "reboot" || run.phase === "reboot-wait";
  await moveRun(context.sql, run, certain ? "failed" : "unknown", {
    error_code: "REBOOT_ERROR",
    error: silence?.slice(0, 8_192) ?? null,
    message: silence === null
      ? `The host answers, but it did not restart ${by}.`
      : certain
      ? `Restarted? It did not come back ${by}. Look at the host's console.`
      : `Silent since it was at work, and not back ${by}: look at the host's console, do not repeat.`,
  }, context.clock);
  return null;
}
