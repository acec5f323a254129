import type { Sql } from "../database/types.ts";
import { claimPolls } from "./polls_store.ts";
import type { ClaimedPoll } from "./types.ts";

/**
 * Takes up to `limit` polls that are due by app_now(), those that a person asked for first, each for `lease_ms`.
 * Two callers never get the same one; a lease that ran out is given to the next. End each with
 * {@link import("./finish_poll.ts").finishPoll}.
 *
 * @param options.limit 1 to 1,000
 * @param options.lease_ms longer than the longest poll takes; 60,000 is a good value
 */
export async function claimDuePolls(sql: Sql, options: { limit: number; lease_ms: number }): Promise<ClaimedPoll[]> {
  const claimed = await claimPolls(sql, options.limit, options.lease_ms);
  return claimed.sort((a, b) => Number(b.requested) - Number(a.requested));
}
