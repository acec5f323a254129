import type { Sql } from "../database/connection.ts";
import { patchesOfRun } from "./run_store.ts";
import type { JobPatch, Run } from "./types.ts";

/** What the next sending of this run must order: everything that was ordered and has not arrived yet. */
export async function orderedPackages(sql: Sql, run: Pick<Run, "job_id" | "host_id">): Promise<JobPatch[]> {
  const patches = await patchesOfRun(sql, run.job_id, run.host_id);
  return patches.filter((patch) => patch.origin === "ordered" && patch.outcome !== "applied");
}

/** What was ordered in all, for the result. */
export async function wantedPackages(sql: Sql, run: Pick<Run, "job_id" | "host_id">): Promise<JobPatch[]> {
  const patches = await patchesOfRun(sql, run.job_id, run.host_id);
  return patches.filter((patch) => patch.origin === "ordered");
}
