import type { Sql } from "../database/connection.ts";
import { deleteOldEvents } from "./store.ts";

/** Hours that events are kept: a page that slept longer reads everything anew. */
export const EVENT_HOURS = 24;

/** Removes events older than 24 h in small portions, and says how many. */
export async function pruneEvents(sql: Sql, portion = 5_000): Promise<number> {
  for (let removed = 0;;) {
    const now = await deleteOldEvents(sql, EVENT_HOURS, portion);
    removed += now;
    if (now < portion) return removed;
  }
}
