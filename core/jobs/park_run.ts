import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import { moveRun } from "./move_run.ts";
import type { Run } from "./types.ts";

/**
 * Takes a row out of the loop that it breaks: final, with the reason, so that a person sees it and the others go on.
 * Failed when nothing can have started, else unknown.
 * @throws LostRun when the row went on without the caller.
 */
export async function parkRun(sql: Sql, run: Run, why: string, clock: Clock): Promise<Run> {
  const untouched = run.dispatched_at === null || run.kind === "dry_run";
  return await moveRun(sql, run, untouched ? "failed" : "unknown", {
    error_code: "INTERNAL",
    error: why.slice(0, 8_192),
    message: untouched
      ? "The manager could not go on with this host; nothing was changed on it."
      : "The manager could not go on with this host while it was being changed. Read the host, do not repeat.",
  }, clock);
}
