import type { Sql } from "../database/connection.ts";
import { LostRun } from "./move_run.ts";
import { claimRuns, releaseRuns, renewRun } from "./run_store.ts";
import type { Run, RunKey } from "./types.ts";

/**
 * Takes due hosts of jobs, oldest first: nobody else gets them for 30 s, and each claim raises the row's fence.
 * Rows of a worker that died are among them as soon as its lease has ended.
 * @param limit most rows, 1 to 1,000.
 */
export function claimDueRuns(sql: Sql, limit: number): Promise<Run[]> {
  return claimRuns(sql, limit);
}

/**
 * Holds the row for another 30 s. To be called every 10 s.
 * @returns whether somebody asked to cancel it, and whether its host was removed.
 * @throws LostRun when the row went on without the caller.
 */
export async function renewLease(
  sql: Sql,
  run: RunKey,
): Promise<{ cancel_requested: boolean; host_removed: boolean }> {
  const row = await renewRun(sql, run);
  if (!row) throw new LostRun(run);
  return { cancel_requested: row.cancel_requested_at !== null, host_removed: row.host_removed };
}

/**
 * Hands rows over at a graceful stop: whoever comes next may claim them at once. Rows that went on meanwhile are
 * left alone.
 * @returns how many were handed over.
 */
export function releaseLeases(sql: Sql, runs: RunKey[]): Promise<number> {
  return runs.length === 0 ? Promise.resolve(0) : releaseRuns(sql, runs);
}
