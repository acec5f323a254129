import type { Clock } from "../clock.ts";
import type { Db } from "../database/types.ts";
import { finishClaimed, parkClaimed, returnClaimed } from "./polls_store.ts";
import { nextPoll, plainWords } from "./rules.ts";
import type { ClaimedPoll, PollResult } from "./types.ts";

/** A poll that was worked on. */
export interface EndedPoll {
  poll: ClaimedPoll;
  result: PollResult;
  /** The present setting of this kind's interval. */
  interval_ms: number;
}

/**
 * Ends a claimed poll and sets when the next one is due. Refused content counts as an answer: the host lives, so
 * the poll was ok and the interval stays.
 *
 * @param intervalMs the present setting of this kind's interval
 * @returns false when the lease had run out and somebody else has the poll: then nothing was written
 */
export async function finishPoll(
  db: Db,
  poll: ClaimedPoll,
  result: PollResult,
  intervalMs: number,
  clock: Clock,
): Promise<boolean> {
  return await finishPolls(db, [{ poll, result, interval_ms: intervalMs }], clock) === 1;
}

/** The same for several polls, each one once. Answers how many leases were still the caller's. */
export function finishPolls(db: Db, ended: EndedPoll[], clock: Clock): Promise<number> {
  return finishClaimed(
    db,
    ended.map(({ poll, result, interval_ms }) => {
      const failures = result.ok ? 0 : poll.failures + 1;
      const end = {
        failures,
        duration_ms: Math.max(0, Math.round(result.duration_ms)),
        error: result.ok ? null : plainWords(result.error).slice(0, 2000).toWellFormed(),
        next_at: nextPoll(poll.host_id, interval_ms, failures, clock),
      };
      return { poll, end };
    }),
  );
}

/**
 * Gives a poll back for which the manager had no room; it says nothing of the host.
 * @returns false when the lease had run out
 */
export function returnPoll(db: Db, poll: ClaimedPoll, after_ms: number): Promise<boolean> {
  return returnClaimed(db, poll, after_ms);
}

/**
 * Puts a poll aside that broke the loop by itself, not by a host's silence. It stays so, and is shown, until somebody
 * asks for the host again.
 * @returns false when the lease had run out
 */
export function parkPoll(db: Db, poll: ClaimedPoll, reason: string): Promise<boolean> {
  return parkClaimed(db, poll, plainWords(reason).slice(0, 2000).toWellFormed());
}
