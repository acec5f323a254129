import type { Sql } from "../database/types.ts";
import { claimPolls } from "./polls_store.ts";
import type { ClaimedPoll } from "./types.ts";

/**
 * Takes up to `limit` polls that are due by app_now(), those that a person asked for first, each for `lease_ms`.
 * Two callers never get the same one; a lease that ran out is given to the next. End each with
 * {@link import("./finish_poll.ts").finishPoll}.
 *
 * @param options.limit 1 to 1,000
 * @param options.unasked at most so many that nobody asked for; default limit
 * @param options.failing of these at most so many of hosts that did not answer last; default the same
 * @param options.lease_ms longer than the longest poll takes; 60,000 is a good value
 */
export async function claimDuePolls(
  sql: Sql,
  options: { limit: number; unasked?: number; failing?: number; lease_ms: number },
): Promise<ClaimedPoll[]> {
  const { limit, unasked = limit, failing = unasked, lease_ms } = options;
  const claimed = await claimPolls(sql, { limit, unasked, failing }, lease_ms);
  return claimed.sort((a, b) => Number(b.requested) - Number(a.requested));
}
