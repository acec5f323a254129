import { ApplyAccepted, Health, SystemInfo } from "../protocol/api.ts";
import { HostBusy, moveRun, noteRun } from "../core/jobs/move_run.ts";
import { orderedPackages } from "../core/jobs/ordered_packages.ts";
import type { Run } from "../core/jobs/types.ts";
import { AgentError } from "./agent_client.ts";
import { orderOf, unknownOrder } from "./order_of.ts";
import { addressOf, leftUntilDeadline, type RunContext } from "./run_context.ts";
import { failCommunication, failureCode, LOST_MEMORY, wasNeverSent } from "./run_failures.ts";

/** Seconds until a host that is busy with another job is looked at again. */
const BUSY_SECONDS = 5;
const MISSED = "Not begun before its deadline.";

/**
 * queued, waiting → dispatching: the host is ours. Or an end, when it was cancelled, missed or removed meanwhile.
 * @returns the run for the next step; null when the row was given back, or is final.
 */
export async function beginRun(context: RunContext, run: Run): Promise<Run | null> {
  const { sql, clock } = context;
  const end = endBeforeBegin(context, run);
  if (end) {
    await moveRun(sql, run, end.state, { message: end.message }, clock);
    return null;
  }
  try {
    return await moveRun(
      sql,
      run,
      "dispatching",
      { message: "Asking the host.", error: null, error_code: null },
      clock,
    );
  } catch (error) {
    if (!(error instanceof HostBusy)) throw error;
    await noteRun(sql, run, { message: "Waiting for another job on this host.", release_for_seconds: BUSY_SECONDS });
    return null;
  }
}

/**
 * dispatching → running: sends the order under its run id. What the host must be (its state folder) is written down
 * before the first sending; a repetition after a crash names the same folder, so that a host without memory refuses.
 */
export async function dispatchRun(context: RunContext, run: Run): Promise<Run | null> {
  const first = run.dispatched_at === null;
  const versions = await readVersions(context, run);
  if (first) {
    const end = endBeforeBegin(context, run);
    if (end) {
      await moveRun(context.sql, run, end.state, { message: end.message }, context.clock);
      return null;
    }
    const prepared = await prepare(context, run);
    if (!prepared) return null;
    run = prepared;
  } else if (run.agent_state_id === null && run.kind !== "dry_run") {
    // An agent that remembers no run ids would start a second time.
    await moveRun(context.sql, run, "unknown", {
      error_code: "STATE_CHANGED",
      message: "The connection was lost while the order was sent, and this agent cannot tell: read it, do not repeat.",
    }, context.clock);
    return null;
  }
  return await send(context, run, versions, first);
}

/** Asks who the host is, and writes it down together with the fact that the order is about to be sent. */
async function prepare(context: RunContext, run: Run): Promise<Run | null> {
  const { agents, sql, clock, signal } = context;
  const host = addressOf(run);
  let state_id: string | null;
  let boot_id: string | null = null;
  try {
    const health = await agents.request(host, { method: "GET", path: "/api/v1/health", schema: Health, signal });
    state_id = health.not_modified ? null : health.data.agent?.state_id ?? null;
    if (run.kind !== "dry_run") {
      const info = await agents.request(host, {
        method: "GET",
        path: "/api/v1/system/info",
        schema: SystemInfo,
        signal,
      });
      boot_id = info.not_modified ? null : info.data.boot_id ?? null;
    }
  } catch (error) {
    if (error instanceof AgentError) return await failCommunication(context, run, error, false);
    throw error;
  }
  if (run.kind === "dry_run" && state_id === null) {
    // Such an agent does not know the word and would install.
    await moveRun(sql, run, "failed", { message: "This agent cannot do a dry run; nothing was sent to it." }, clock);
    return null;
  }
  const facts = { agent_state_id: state_id, boot_id_before: boot_id };
  await noteRun(sql, run, { ...facts, dispatched: true });
  return { ...run, ...facts, dispatched_at: clock.now() };
}

/** Exact version by package name; none for what installs nothing by name. */
async function readVersions(context: RunContext, run: Run): Promise<Record<string, string>> {
  if (run.kind !== "apply" && run.kind !== "dry_run") return {};
  const patches = await orderedPackages(context.sql, run);
  // The contract takes an empty list for "everything".
  if (patches.length === 0) throw new Error("nothing is left to order for this host");
  return Object.fromEntries(patches.map((patch) => [patch.name, patch.to_version!]));
}

async function send(
  context: RunContext,
  run: Run,
  versions: Record<string, string>,
  first: boolean,
): Promise<Run | null> {
  const { agents, sql, clock, signal } = context;
  try {
    const answer = await agents.request(addressOf(run), {
      method: "POST",
      schema: ApplyAccepted,
      signal,
      ...orderOf(run, versions),
    });
    if (answer.not_modified) throw new AgentError("schema", "The host answered an order with “not modified”.");
    const agent_job_id = answer.data.job_id;
    const step = { agent_job_id, started: true as const, communication_failures: 0, message: "Begun on the host." };
    const next = await moveRun(sql, run, "running", step, clock);
    return { ...next, agent_job_id, communication_failures: 0, started_at: clock.now() };
  } catch (error) {
    if (error instanceof AgentError) return await readRefusal(context, run, error, first);
    throw error;
  }
}

/** The order was not taken, or nobody knows. */
async function readRefusal(context: RunContext, run: Run, error: AgentError, first: boolean): Promise<null> {
  const { sql, clock } = context;
  const facts = { error_code: failureCode(error), error: error.message.slice(0, 8_192) };
  switch (error.http?.code) {
    case "DEADLINE_PASSED": {
      const { state, message } = unbegun(run, "missed", MISSED);
      await moveRun(sql, run, state, { ...facts, message }, clock);
      return null;
    }
    case "STATE_CHANGED":
      // Between our question and the first order nothing can have begun; later it can, and was forgotten.
      if (first || run.kind === "dry_run") return await failCommunication(context, run, error, false);
      await moveRun(sql, run, "unknown", { ...facts, message: LOST_MEMORY }, clock);
      return null;
    case "JOB_NOT_FOUND":
      // Of a rollback it is the original that is gone: nothing was begun.
      if (run.kind === "rollback") break;
      // The run id is known, so it was begun; what came of it is gone.
      await moveRun(sql, run, run.kind === "dry_run" ? "failed" : "unknown", { ...facts, message: LOST_MEMORY }, clock);
      return null;
    case "QUEUE_FULL":
      return await failCommunication(context, run, error, false);
  }
  const status = error.http?.status ?? 0;
  if (status >= 400 && status < 500) {
    const again = run.attempt > 1 ? "The second attempt was refused. " : "";
    const words = unknownOrder(run, status) ?? error.message;
    await moveRun(sql, run, "failed", { ...facts, message: `${again}${words}`.slice(0, 4_096) }, clock);
    return null;
  }
  return await failCommunication(context, run, error, !(first && wasNeverSent(error)));
}

function endBeforeBegin(context: RunContext, run: Run): Unbegun | null {
  if (run.host_removed) return unbegun(run, "cancelled", "Cancelled: the host was removed.");
  if (run.cancel_requested_at !== null) return unbegun(run, "cancelled", "Cancelled before it began.");
  if (leftUntilDeadline(run, context.clock) <= 0) return unbegun(run, "missed", MISSED);
  return null;
}

interface Unbegun {
  state: "cancelled" | "missed" | "failed";
  message: string;
}

/** A host whose first attempt failed stays failed, whatever keeps the second one from beginning: it was changed. */
function unbegun(run: Run, state: "cancelled" | "missed", message: string): Unbegun {
  if (run.attempt === 1) return { state, message };
  return { state: "failed", message: `Second attempt: ${message} See what the first one did.` };
}
