import { Job, type JobStatus, readJobStatus } from "../protocol/api.ts";
import type { HostReport } from "../core/jobs/results.ts";
import type { Run } from "../core/jobs/types.ts";
import { AgentError } from "./agent_client.ts";
import { addressOf, type RunContext } from "./run_context.ts";

/** A run whose host has ended its work, with what the host says of it. */
export interface EndedRun {
  run: Run;
  /** Null when it goes on, and nothing has ended after all. */
  report: HostReport | null;
}

/** The host's record, or why there is none: a silent host is no reason to stop following it. */
export async function askJob(context: RunContext, run: Run): Promise<{ job: Job; status: JobStatus } | AgentError> {
  try {
    return await readJob(context, run);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

export function hasEnded(status: JobStatus): status is "completed" | "failed" | "cancelled" {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** The host's own record of the run. */
export async function readJob(context: RunContext, run: Run): Promise<{ job: Job; status: JobStatus }> {
  const answer = await context.agents.request(addressOf(run), {
    method: "GET",
    path: `/api/v1/jobs/${encodeURIComponent(run.agent_job_id ?? "")}`,
    schema: Job,
    signal: context.signal,
  });
  if (answer.not_modified) throw new AgentError("schema", "The host answered “not modified” to what has no tag.");
  const status = readJobStatus(answer.data.status);
  if (status === null) throw new AgentError("schema", "The host reports a state of its job that the protocol lacks.");
  return { job: answer.data, status };
}
