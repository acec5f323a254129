import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Db } from "../database/connection.ts";
import { FORGET_FAILURES_SECONDS, pauseAfter, THROTTLES } from "./rules.ts";
import { block, clearFailures, countFailure, readThrottles } from "./store.ts";

type Kind = keyof typeof THROTTLES;

/** People type passwords into the wrong field: what was typed as a name is kept as its hash only. */
function keysOf(username: string, address: string | null): Record<Kind, string> {
  const name = createHash("sha256").update(username).digest("hex");
  return {
    pair: `pair:${name}|${address ?? "-"}`,
    address: `address:${address ?? "-"}`,
    account: `account:${name}`,
  };
}

/** Seconds until the next attempt may be made, 0 when it may be made now. */
export async function secondsBlocked(db: Db, username: string, address: string | null, clock: Clock): Promise<number> {
  const now = clock.now();
  const rows = await readThrottles(db, Object.values(keysOf(username, address)));
  const left = rows.map((row) => row.blocked_until.since(now).total("seconds"));
  return Math.max(0, Math.ceil(Math.max(0, ...left)));
}

/** Counts a failed attempt and says for how long the next one must wait, in seconds. */
export async function noteFailure(db: Db, username: string, address: string | null, clock: Clock): Promise<number> {
  const now = clock.now();
  const forget_before = now.subtract({ seconds: FORGET_FAILURES_SECONDS });
  let longest = 0;
  // Always in the same order of keys, so that two attempts at once cannot wait for each other.
  for (const [kind, key] of Object.entries(keysOf(username, address)).sort(([, a], [, b]) => a < b ? -1 : 1)) {
    const failures = await countFailure(db, key, now, forget_before);
    const pause = pauseAfter(THROTTLES[kind as Kind], failures);
    if (pause > 0) await block(db, key, now.add({ seconds: pause }));
    longest = Math.max(longest, pause);
  }
  return longest;
}

/** A success forgives the pair and the account; the address has to wait, or one good login would hide a hundred bad. */
export async function forgive(db: Db, username: string, address: string | null): Promise<void> {
  const { pair, account } = keysOf(username, address);
  await clearFailures(db, [pair, account]);
}
