import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { askHealthNow } from "./polls_store.ts";
import { recordObservation } from "./record_observation.ts";
import type { HealthRecord, PollKind } from "./types.ts";

/**
 * A poll got no answer. Only the health poll decides about health: a silent patch poll makes it due at once instead,
 * because reading a large package list may fail where the host lives.
 *
 * @param reason words that a person can act on: "connection refused", "certificate expired 3 days ago"
 * @returns the host's health now; null for a patch poll and for a removed host
 */
export function recordPollFailure(
  sql: Sql,
  hostId: string,
  kind: PollKind,
  reason: string,
  clock: Clock,
): Promise<HealthRecord | null> {
  return transaction(sql, async (tx) => {
    if (kind === "health") return await recordObservation(tx, hostId, { kind: "failed", reason }, {}, clock);
    await askHealthNow(tx, hostId);
    return null;
  });
}
