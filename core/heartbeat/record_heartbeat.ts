import type { Clock } from "../clock.ts";
import type { Sql } from "../database/types.ts";
import { upsertBeat } from "./store.ts";

/** How often a role says in the database that it lives, in milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 30_000;

/**
 * Says that a role lives and can write. Of several web roles the last writer is shown.
 * @param heart `instance` is made at each start, so that two of them are seen as two
 */
export async function recordHeartbeat(
  sql: Sql,
  heart: { role: "web" | "fleet"; instance: string; version: string; started_at: Temporal.Instant },
  clock: Clock,
): Promise<void> {
  await upsertBeat(sql, { ...heart, at: clock.now() });
}
