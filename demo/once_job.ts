import type { z } from "@hono/zod-openapi";
import type { Job, JobCreated, JobHostDetail, JobHostList } from "../routes/(_api)/job_schemas.ts";
import type { JobOrderInput } from "../core/jobs/types.ts";
import type { ApiClient } from "./api_client.ts";
import { dim, green, red, say } from "./words.ts";

export type JobHostAnswer = z.infer<typeof JobHostDetail>;

export interface FinishedJob {
  job: z.infer<typeof Job>;
  hosts: JobHostAnswer[];
}

/** Longest wait for a job, in seconds. */
const JOB_SECONDS = 120;

/** Orders a job, says what happens on each host while it happens, and answers once it has ended. */
export async function runJob(api: ApiClient, order: JobOrderInput): Promise<FinishedJob> {
  // Repeated by whoever does not know whether it arrived: the same key is the same job.
  const key = crypto.randomUUID();
  const made: z.infer<typeof JobCreated> = await api.call("POST", "/jobs", order, { "idempotency-key": key });
  const said = new Map<string, string>();
  const end = performance.now() + JOB_SECONDS * 1000;
  for (;;) {
    const job: z.infer<typeof Job> = await api.call("GET", `/jobs/${made.job_id}`);
    const { items }: z.infer<typeof JobHostList> = await api.call("GET", `/jobs/${made.job_id}/hosts?limit=1000`);
    for (const host of items) {
      const words = stateWords(host);
      if (said.get(host.host_id) !== words) say(`    ${host.name.padEnd(28)} ${words}`);
      said.set(host.host_id, words);
    }
    if (job.ended_at !== null) {
      const hosts = items.map((host): Promise<JobHostAnswer> =>
        api.call("GET", `/jobs/${job.id}/hosts/${host.host_id}`)
      );
      return { job, hosts: await Promise.all(hosts) };
    }
    if (performance.now() > end) throw new Error(`The job is still ${job.state} after ${JOB_SECONDS} s.`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

type Line = Pick<JobHostAnswer, "state" | "phase" | "progress" | "message" | "error" | "ended_at">;

/** One line about a host of a job. */
export function stateWords({ state, phase, progress, message, error, ended_at }: Line): string {
  if (ended_at !== null) {
    const words = (message || error || "").trim().split("\n")[0];
    return `${(state === "succeeded" ? green : red)(state)}${words ? dim(`  ${words}`) : ""}`;
  }
  const where = phase && phase !== "queued" && phase !== "done" && phase !== "verify" ? `, ${phase}` : "";
  const words = [progress > 0 ? `${progress} %` : "", message.trim().split("\n")[0]].filter((word) => word !== "");
  return `${state}${where}${words.length > 0 ? dim(`  ${words.join("  ")}`) : ""}`;
}
