import type { Sql } from "../database/connection.ts";
import { deleteOldEvents } from "./store.ts";

/**
 * Removes events older than the setting says, in small portions: a page that slept longer reads everything anew.
 * @param seconds present value of `live.event_retention_seconds`, 24 hours by default.
 * @returns how many were removed.
 */
export async function pruneEvents(sql: Sql, seconds: number, portion = 5_000): Promise<number> {
  for (let removed = 0;;) {
    const now = await deleteOldEvents(sql, seconds, portion);
    removed += now;
    if (now < portion) return removed;
  }
}
