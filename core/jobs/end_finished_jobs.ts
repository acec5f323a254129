import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { endWithLastHost } from "./move_run.ts";
import { lockJob, unendedJobs } from "./store.ts";

/**
 * Ends jobs whose hosts have all ended although nobody said so: two transactions that end the last two hosts without
 * knowing of each other, such as the removal of a host, leave one behind.
 * @returns how many.
 */
export async function endFinishedJobs(sql: Sql, clock: Clock): Promise<number> {
  const ids = await unendedJobs(sql);
  for (const id of ids) {
    await transaction(sql, async (tx) => {
      await lockJob(tx, id);
      await endWithLastHost(tx, id, clock);
    });
  }
  return ids.length;
}
