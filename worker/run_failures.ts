import { moveRun, noteRun } from "../core/jobs/move_run.ts";
import { communicationRetrySeconds } from "../core/jobs/rules.ts";
import type { Run } from "../core/jobs/types.ts";
import { AgentError } from "./agent_client.ts";
import { leftUntilDeadline, type RunContext } from "./run_context.ts";

/** The host may have changed, and nobody can tell: never repeated by a machine. */
export const LOST_MEMORY = "The host lost its memory of this run: read it, do not repeat.";

/** Kinds of failure in which no byte of the request can have reached the host: there was no accepted connection. */
const NEVER_SENT = new Set(["refused", "dns", "tls", "revoked"]);

export function wasNeverSent(error: AgentError): boolean {
  return NEVER_SENT.has(error.kind);
}

/** The agent's own code of an error answer, or our kind of failure: what a person can search for. */
export function failureCode(error: AgentError): string {
  return error.http?.code ?? error.kind.toUpperCase();
}

/**
 * The host could not be asked. Tried again after 1, 5 and 30 minutes, then final: failed when nothing can have begun,
 * else unknown. A host that was removed is not tried again.
 * @param begun whether the order may have been taken by the host.
 * @returns null: the row was given back, or is final.
 */
export async function failCommunication(
  context: RunContext,
  run: Run,
  error: AgentError,
  begun: boolean,
): Promise<null> {
  const { sql, clock } = context;
  const seconds = run.host_removed ? null : communicationRetrySeconds(run.communication_failures);
  const facts = { error_code: failureCode(error), error: error.message.slice(0, 8_192) };
  if (seconds === null) {
    const uncertain = begun && run.kind !== "dry_run";
    const message = uncertain && run.host_removed
      ? "The host was removed while it was at work and may have been changed: look at it there, do not repeat."
      : uncertain
      ? "The host could not be reached any more and may have been changed: read it, do not repeat."
      : begun
      ? "The host could not be reached any more; a dry run changes nothing."
      : run.attempt > 1
      ? "The host could not be reached for the second attempt; see what the first one did."
      : "The host could not be reached, four times in all; nothing was begun on it.";
    await moveRun(sql, run, uncertain ? "unknown" : "failed", { ...facts, message }, clock);
    return null;
  }
  // Not beyond the deadline: then it is time to say that it was missed, or to ask whether it had begun.
  const left = Math.ceil(leftUntilDeadline(run, clock) / 1_000);
  const release_for_seconds = left > 0 ? Math.min(seconds, left + 1) : seconds;
  const step = {
    ...facts,
    communication_failures: run.communication_failures + 1,
    message: `Not answering; asked again in ${duration(release_for_seconds)}. ${error.message}`.slice(0, 4_096),
    release_for_seconds,
  };
  if (begun) await noteRun(sql, run, step);
  else if (run.state === "dispatching") {
    await moveRun(sql, run, "waiting", { ...step, agent_state_id: null, dispatched: null }, clock);
  } else await noteRun(sql, run, step);
  return null;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return `${Math.round(seconds / 60)} min`;
}
