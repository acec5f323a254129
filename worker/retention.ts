import type { Clock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { endFinishedJobs } from "../core/jobs/end_finished_jobs.ts";
import { pruneContents } from "../core/patches/prune_contents.ts";
import { pruneEvents } from "../core/live/prune_events.ts";
import type { Log } from "../core/log.ts";
import { readSettings } from "../core/settings/read_settings.ts";

/** How often old rows are looked for, in milliseconds. */
export const RETENTION_INTERVAL_MS = 300_000;

/** One turn: removes live events that are older than the setting says. */
export async function pruneOldRows(sql: Sql, log: Log): Promise<boolean> {
  const settings = await readSettings(sql);
  const count = await pruneEvents(sql, settings["live.event_retention_seconds"]);
  if (count > 0) log.info("events.pruned", { count });
  return false;
}

/** How often packages and offers that are nowhere any more are looked for, in milliseconds. */
export const CONTENTS_INTERVAL_MS = 3_600_000;

/** One turn: removes a batch of them; true when there may be more. */
export async function pruneUnused(sql: Sql, log: Log): Promise<boolean> {
  const pruned = await pruneContents(sql);
  if (pruned === null) return false;
  const count = pruned.offers + pruned.packages;
  if (count > 0) log.info("contents.pruned", { count });
  return count > 0;
}

/** How often jobs are looked for that ended unnoticed, in milliseconds. */
export const SWEEP_INTERVAL_MS = 30_000;

/** One turn: ends jobs whose last hosts ended without knowing of each other. */
export async function sweepJobs(sql: Sql, clock: Clock, log: Log): Promise<boolean> {
  const count = await endFinishedJobs(sql, clock);
  if (count > 0) log.warn("jobs.swept", { count });
  return false;
}
