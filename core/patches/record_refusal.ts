import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import { words } from "./rules.ts";
import { refuseReport } from "./store.ts";

/**
 * A host answered something that cannot be taken: off schema, too large, too deep, hostile. The last accepted report
 * stays and grows old; the reason is shown with the host. No other host is touched.
 *
 * @param reason words for people; whatever of them came from the host is made harmless
 * @returns false when the host was removed meanwhile
 */
export function recordRefusal(sql: Sql, hostId: string, reason: string, clock: Clock): Promise<boolean> {
  const text = words(reason).slice(0, 2000).toWellFormed() || "The answer could not be read.";
  return transaction(sql, async (tx) => {
    if (!await refuseReport(tx, hostId, clock.now(), text)) return false;
    const data = { host_id: hostId, reason: text };
    await appendEvent(tx, { topic: `host:${hostId}`, host_id: hostId, kind: "refused", data });
    await appendEvent(tx, { topic: "hosts", host_id: hostId, kind: "refused", data });
    return true;
  });
}
