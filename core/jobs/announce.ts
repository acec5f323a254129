import type { Db } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import { deriveJobState } from "./rules.ts";
import type { RunRow } from "./run_store.ts";
import type { StateCounts } from "./types.ts";

/** Tells the list of jobs and the job's own page how many of its hosts are in which state. */
export async function announceJob(db: Db, job_id: string, counts: StateCounts): Promise<void> {
  const data = { job_id, state: deriveJobState(counts), counts };
  await appendEvent(db, { topic: "jobs", job_id, kind: "job_state", data });
  await appendEvent(db, { topic: `job:${job_id}`, job_id, kind: "job_state", data });
}

/** Tells the job's page where one of its hosts stands. */
export async function announceRun(db: Db, job_id: string, row: RunRow): Promise<void> {
  await appendEvent(db, {
    topic: `job:${job_id}`,
    job_id,
    host_id: row.host_id,
    kind: "host_state",
    data: { ...row, next_at: row.next_at.toString(), cancel_requested_at: row.cancel_requested_at?.toString() ?? null },
  });
}
