import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { requestPolls, wakeFleet } from "./polls_store.ts";
import { selectVisibleIds } from "./store.ts";
import { type PollKind, pollKinds } from "./types.ts";

/** The most hosts of one request. */
export const MAX_REFRESH = 5_000;

/**
 * Asks for fresh data of hosts, at once and before everything that is merely due. Also for hosts that fail or were
 * parked. Answered when `last_ok_at` of the polls is later than the request; pages hear of it as live event `report`.
 *
 * @param options.max_index_age seconds from 0: the agent refreshes a package index that is older. Null takes it as it is.
 * @throws AppError host_not_found when one of them does not exist for the viewer: then nothing is asked for
 */
export function requestRefresh(
  sql: Sql,
  viewer: string,
  hostIds: string[],
  options: { kinds?: readonly PollKind[]; max_index_age?: number | null } = {},
): Promise<{ hosts: number; polls: number }> {
  const ids = [...new Set(hostIds.map((id) => id.toLowerCase()))];
  if (ids.length > MAX_REFRESH) {
    const problem = `At most ${MAX_REFRESH} hosts can be refreshed at once.`;
    throw new AppError("validation_failed", { details: [{ field: "host_ids", problem }] });
  }
  if (!ids.every(isUuid)) throw new AppError("host_not_found");
  const age = options.max_index_age ?? null;
  if (age !== null && !(Number.isInteger(age) && age >= 0 && age <= 31_536_000)) {
    const problem = "The age of the index is a number of seconds from 0 to 31536000.";
    throw new AppError("validation_failed", { details: [{ field: "max_index_age", problem }] });
  }
  return transaction(sql, async (tx) => {
    const visible = await selectVisibleIds(tx, viewer, ids);
    if (visible.length < ids.length) throw new AppError("host_not_found");
    const polls = await requestPolls(tx, visible, options.kinds ?? pollKinds, age);
    // One hint is enough for any number: whoever wakes up claims everything that is due.
    if (visible.length > 0) await wakeFleet(tx, { kind: "poll", id: visible[0] });
    return { hosts: visible.length, polls };
  });
}
