import { RollbackRequest } from "../../protocol/api.ts";
import type { HostJob } from "../host_operations.ts";
import { readRollback, rollbackOf, wireJob } from "../jobs.ts";
import { type Answer, invalid } from "./answer.ts";
import { type Handler, jobId, noSuchJob, ok, readBody } from "./call.ts";

/**
 * The answer to an order. The contract knows one status of an accepted order; only a repeated one, whose job has
 * ended, differs.
 */
export function accepted(job: HostJob, more: Record<string, unknown> = {}): Answer {
  const status = job.status === "running" ? "pending" : job.status;
  return { status: 202, data: { job_id: job.job_id, status, operation: job.operation, ...more } };
}

export const jobs: Handler = async ({ operations, query }) => {
  const text = query.get("limit");
  const limit = text === null ? 200 : /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 200) throw invalid([{ field: "limit", problem: "is not a whole number from 1 to 200" }]);
  const all = await operations.jobs();
  const rows = all.slice(0, limit).map((job) => wireJob(job, "listed", rollbackOf(job, all)));
  return ok({ jobs: rows, total: all.length });
};

export const oneJob: Handler = async ({ operations, name }) => {
  const job = await operations.job(jobId(name));
  if (!job) throw noSuchJob();
  // Only what was changed can have been taken back; the list is long, and a running job is asked for often.
  const others = job.operation === "apply" && job.completed_at !== null ? await operations.jobs() : [];
  return ok(wireJob(job, "full", rollbackOf(job, others)));
};

export const removeJob: Handler = async ({ operations, name }) => {
  await operations.remove(jobId(name));
  return ok({ job_id: name, deleted: true });
};

export const cancelJob: Handler = async ({ operations, name }) => {
  const job = await operations.cancel(jobId(name));
  return { status: 202, data: { job_id: job.job_id, status: job.status, operation: job.operation } };
};

export const rollBackJob: Handler = async ({ operations, name, body, clock }) => {
  const original_job_id = jobId(name);
  const request = readBody(RollbackRequest, body);
  // Whether there is such a job is asked there: a repeated order is answered although its job was forgotten since.
  const job = await operations.start(readRollback(original_job_id, request, clock));
  return accepted(job, { operation: "rollback", original_job_id });
};

export const events: Handler = () => {
  throw invalid([{
    field: "",
    problem: "This address speaks WebSocket (RFC 6455); poll GET /api/v1/jobs/{id} instead",
  }]);
};
