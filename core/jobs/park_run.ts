import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { LostRun, moveRun } from "./move_run.ts";
import { findRunStage } from "./run_store.ts";
import type { RunKey } from "./types.ts";

/**
 * Takes a row out of the loop that it breaks: final, with the reason, so that a person sees it and the others go on.
 * How far it had come is read from the database, not taken from who failed: failed when nothing can have begun on
 * the host, else unknown.
 * @param run whoever holds the row; its state may be an older one.
 * @throws LostRun when the row went on without the caller.
 */
export async function parkRun(sql: Sql, run: RunKey, why: string, clock: Clock): Promise<RunKey> {
  const stage = await findRunStage(sql, run);
  if (!stage) throw new LostRun(run);
  const certain = !stage.dispatched || stage.kind === "dry_run";
  return await moveRun(sql, { ...run, state: stage.state }, certain ? "failed" : "unknown", {
    error_code: "INTERNAL",
    error: why.slice(0, 8_192),
    message: certain
      ? stage.attempt > 1
        ? "The manager could not go on with this host; see what the first attempt did."
        : "The manager could not go on with this host; nothing was changed on it."
      : "The manager could not go on with this host while it was being changed: read it, do not repeat.",
  }, clock);
}
