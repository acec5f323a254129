import { appendFor } from "../../audit/append_audit.ts";
import type { AuditEntry, Context } from "../../audit/types.ts";
import type { Clock } from "../../clock.ts";
import { type Db, type Sql, transaction } from "../../database/connection.ts";
import type { Tx } from "../../database/types.ts";
import { AppError } from "../../errors.ts";
import { tooManyAttempts } from "../attempts.ts";
import { QueueFull } from "../hash_queue.ts";
import { networksOf } from "../networks.ts";
import { FORGET_FAILURES_SECONDS, pauseAfter, type ThrottleRule } from "../rules.ts";
import { holdUser } from "../store.ts";
import { block, claimHeld, clearFailures, countFailure, readThrottles } from "../throttle_store.ts";
import { CODE_THROTTLES, PASSKEY_THROTTLE } from "./rules.ts";

/** What failures are counted under. A right password does not forgive them, or it would buy five more guesses each time. */
type Keys = Record<string, ThrottleRule>;

/** Wrong codes of a user. */
export function codeKeys(user_id: string, address: string | null): Keys {
  return {
    [`code_pair:${user_id}|${networksOf(address).own ?? "-"}`]: CODE_THROTTLES.pair,
    [`code_account:${user_id}`]: CODE_THROTTLES.account,
  };
}

/** Wrong passkeys where nobody is known yet. */
export function passkeyKeys(address: string | null): Keys {
  return { [`passkey_network:${networksOf(address).own ?? "-"}`]: PASSKEY_THROTTLE };
}

/** Seconds until the next attempt may be made, 0 when it may be made now. */
export async function secondsHeld(db: Db, keys: Keys, clock: Clock): Promise<number> {
  const now = clock.now();
  const rows = await readThrottles(db, Object.keys(keys));
  const left = rows.map((row) => row.blocked_until.since(now).total("seconds"));
  return Math.max(0, Math.ceil(Math.max(0, ...left)));
}

/**
 * Lets one guess at a user's codes through at a time, until the transaction ends, and none that has to wait. Without it
 * a hundred guesses at once would all be looked at before the first was counted.
 * @throws AppError too_many_requests
 */
export async function oneAtATime(tx: Tx, user_id: string, keys: Keys, clock: Clock): Promise<void> {
  await holdUser(tx, user_id);
  const wait = await secondsHeld(tx, keys, clock);
  if (wait > 0) throw tooManyAttempts(wait);
}

/** Counts a failure and says for how long the next attempt must wait, in seconds. */
export async function noteWrong(db: Db, keys: Keys, clock: Clock): Promise<number> {
  const now = clock.now();
  const forget_before = now.subtract({ seconds: FORGET_FAILURES_SECONDS });
  let longest = 0;
  // Always in the same order of keys, so that two attempts at once cannot wait for each other.
  for (const [key, rule] of Object.entries(keys).sort(([a], [b]) => a < b ? -1 : 1)) {
    const pause = pauseAfter(rule, await countFailure(db, key, now, forget_before));
    if (pause > 0) await block(db, key, now.add({ seconds: pause }));
    longest = Math.max(longest, pause);
  }
  return longest;
}

/** A right one makes up for all wrong ones. */
export async function forgiveWrong(db: Db, keys: Keys): Promise<void> {
  await clearFailures(db, Object.keys(keys));
}

/**
 * Does what may have to wait for what failed before. The first refusal of a pause is a row of the audit log; those after
 * it would fill it.
 *
 * @param keys what it waits for
 * @throws AppError too_many_requests, and whatever the work throws
 */
export async function notingRefusals<T>(
  sql: Sql,
  keys: readonly string[],
  about: Pick<AuditEntry, "action" | "object">,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    // What the full queue turns away has its own rows.
    if (thrown instanceof AppError && thrown.code === "too_many_requests" && !(thrown instanceof QueueFull)) {
      const wait = thrown.details.find(({ field }) => field === "retry_after_seconds");
      await transaction(sql, async (tx) => {
        if (!await claimHeld(tx, [...keys], context.clock.now())) return;
        await appendFor(tx, context, { ...about, outcome: "denied", details: { wait_seconds: Number(wait?.problem) } });
      });
    }
    throw thrown;
  }
}
