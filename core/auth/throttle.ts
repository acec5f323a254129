import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { type Db, type Sql, transaction } from "../database/connection.ts";
import type { Asker } from "./hash_queue.ts";
import { networksOf } from "./networks.ts";
import { FORGET_FAILURES_SECONDS, KNOWN_NETWORK_DAYS, pauseAfter, type Throttle, THROTTLES } from "./rules.ts";
import * as store from "./throttle_store.ts";

/** How an attempt to sign in stands before anything is looked at. */
export interface Standing {
  /** Seconds until it may be made, 0 when it may be made now. */
  wait: number;
  /** What it waits for; null when it need not. */
  waits_for: string | null;
  /** Its place in the queue of hashes. */
  asker: Asker;
}

/**
 * Whether an attempt may be made now.
 *
 * Nobody is ever locked out by others. From a network that the account's owner has signed in from, only what failed there
 * counts. From any other network the owner may have to wait once, 30 s at most, while somebody else guesses at the account
 * from many networks; that wait is the network's own, so nobody can take it away by trying again and again.
 *
 * @param username in its canonical form; there need not be such a user, and the answer is the same when there is none
 */
export async function judgeAttempt(
  db: Db,
  username: string,
  address: string | null,
  clock: Clock,
): Promise<Standing> {
  const now = clock.now();
  const { networks, known, anybody, keys } = await look(db, username, address, now);
  const rows = new Map((await store.readThrottles(db, Object.values(keys))).map((row) => [row.key, row]));
  const standing: Standing = { wait: 0, waits_for: null, asker: { ...networks, known: anybody } };
  for (const [kind, key] of Object.entries(keys)) {
    const until = kind === "account" ? undefined : rows.get(key)?.blocked_until;
    if (until) waitFor(standing, key, until.since(now).total("seconds"));
  }
  if (known || standing.wait > 0) return standing;
  const forgotten = (row: store.StoredThrottle | undefined) =>
    row === undefined || Temporal.Instant.compare(row.changed_at, forgetBefore(now)) < 0;
  const account = rows.get(keys.account);
  const pressure = forgotten(account) ? 0 : pauseAfter(THROTTLES.account, account!.failures);
  if (pressure > 0 && forgotten(rows.get(keys.pair!))) {
    await store.makeWait(db, keys.pair!, now.add({ seconds: pressure }), now, forgetBefore(now));
    waitFor(standing, keys.pair!, pressure);
  }
  return standing;
}

function waitFor(standing: Standing, key: string, seconds: number): void {
  if (Math.ceil(seconds) > standing.wait) Object.assign(standing, { wait: Math.ceil(seconds), waits_for: key });
}

/** Seconds until the next attempt may be made, 0 when it may be made now: see {@link judgeAttempt}. */
export async function secondsBlocked(db: Db, username: string, address: string | null, clock: Clock): Promise<number> {
  return (await judgeAttempt(db, username, address, clock)).wait;
}

/** What an attempt was counted as, so that it can be taken back. */
export interface Counted {
  /** Seconds for which the next attempt must wait. */
  pause: number;
  /** How long each key was made to wait by it; null where it was not. */
  keys: { kind: Throttle; key: string; until: Temporal.Instant | null }[];
}

/** Of an attempt that was not made. */
export const NOTHING: Counted = { pause: 0, keys: [] };

/** An attempt that was judged, and counted as failed where it may be made. */
export type Attempt = Standing & { counted: Counted };

/**
 * Judges an attempt and counts it as failed before the password is looked at; {@link forgive} takes that back. Counted
 * afterwards, a burst of guesses would all be looked at before the first of them counted. Attempts that share a key come
 * one after the other.
 *
 * @param username as for {@link judgeAttempt}
 */
export function beginAttempt(
  sql: Sql,
  username: string,
  address: string | null,
  clock: Clock,
): Promise<Attempt> {
  return transaction(sql, async (tx) => {
    const { account: _, ...keys } = keysOf(username, networksOf(address), false);
    await store.oneAfterTheOther(tx, Object.values(keys));
    const standing = await judgeAttempt(tx, username, address, clock);
    const counted = standing.wait > 0 ? NOTHING : await noteFailure(tx, username, address, clock);
    return { ...standing, counted };
  });
}

/** Counts a failed attempt. */
export async function noteFailure(
  db: Db,
  username: string,
  address: string | null,
  clock: Clock,
): Promise<Counted> {
  const now = clock.now();
  const { keys } = await look(db, username, address, now);
  const counted: Counted = { pause: 0, keys: [] };
  let pressure = 0;
  // Always in the same order of keys, so that two attempts at once cannot wait for each other; the account comes first.
  for (const [kind, key] of Object.entries(keys).sort(([, a], [, b]) => a < b ? -1 : 1) as [Throttle, string][]) {
    const failures = await store.countFailure(db, key, now, forgetBefore(now));
    let pause = pauseAfter(THROTTLES[kind], failures);
    if (kind === "account") {
      pressure = pause;
      counted.keys.push({ kind, key, until: null });
      continue;
    }
    if (kind === "pair") pause = Math.max(pause, pressure);
    const until = pause > 0 ? now.add({ seconds: pause }) : null;
    if (until) await store.block(db, key, until);
    counted.keys.push({ kind, key, until });
    counted.pause = Math.max(counted.pause, pause);
  }
  return counted;
}

/**
 * A right password forgives the account and what failed from here. Of the network only this attempt is taken back, or
 * one good login would hide a hundred bad ones.
 */
export async function forgive(db: Db, username: string, address: string | null, counted: Counted): Promise<void> {
  const { own } = networksOf(address);
  const all = { ...keysOf(username, { own, wide: null }, true), ...keysOf(username, { own, wide: null }, false) };
  await store.clearFailures(db, [all.account, all.known!, all.pair!]);
  for (const { kind, key, until } of counted.keys) {
    if (kind === "network" || kind === "wide") await store.takeBack(db, key, until);
  }
}

/** To be called when somebody is signed in wholly: from here nobody else's guessing keeps them out from now on. */
export async function rememberNetwork(db: Db, user_id: string, address: string | null, clock: Clock): Promise<void> {
  const { own } = networksOf(address);
  if (own !== null) await store.saveNetwork(db, user_id, own, clock.now());
}

/** True for the first one who is refused in a pause: it is a row of the audit log, the others are not. */
export function isFirstRefusal(db: Db, { waits_for }: Standing): Promise<boolean> {
  return waits_for === null ? Promise.resolve(false) : store.claimDenial(db, waits_for);
}

/** The same for {@link secondsUntilProof}. */
export function isFirstProofRefusal(db: Db, user_id: string): Promise<boolean> {
  return store.claimDenial(db, proofKey(user_id));
}

/** Seconds until somebody who is signed in may prove again who they are; counted for the user, whatever the network. */
export async function secondsUntilProof(db: Db, user_id: string, clock: Clock): Promise<number> {
  const [row] = await store.readThrottles(db, [proofKey(user_id)]);
  return row ? Math.max(0, Math.ceil(row.blocked_until.since(clock.now()).total("seconds"))) : 0;
}

/**
 * The same for a proof as {@link beginAttempt}: counted before the password is looked at, and forgiven afterwards.
 * @returns 0, or for how many seconds it has to wait; then it is not counted
 */
export function beginProof(sql: Sql, user_id: string, clock: Clock): Promise<number> {
  const key = proofKey(user_id);
  return transaction(sql, async (tx) => {
    await store.oneAfterTheOther(tx, [key]);
    const wait = await secondsUntilProof(tx, user_id, clock);
    if (wait > 0) return wait;
    const now = clock.now();
    const pause = pauseAfter(THROTTLES.known, await store.countFailure(tx, key, now, forgetBefore(now)));
    if (pause > 0) await store.block(tx, key, now.add({ seconds: pause }));
    return 0;
  });
}

export async function forgiveProofs(db: Db, user_id: string): Promise<void> {
  await store.clearFailures(db, [proofKey(user_id)]);
}

/** What failed proofs of somebody who is signed in are counted under. */
export const proofKey = (user_id: string) => `proof:${user_id}`;

/** Deletes what is older than anything looks at. */
export async function deleteOldThrottles(db: Db, clock: Clock): Promise<void> {
  const now = clock.now();
  await store.deleteOld(db, {
    failures: now.subtract({ hours: 7 * 24 }),
    networks: now.subtract({ hours: KNOWN_NETWORK_DAYS * 24 }),
  });
}

async function look(db: Db, username: string, address: string | null, now: Temporal.Instant) {
  const networks = networksOf(address);
  const since = now.subtract({ hours: KNOWN_NETWORK_DAYS * 24 });
  const { user: known, anybody } = networks.own === null
    ? { user: false, anybody: false }
    : await store.familiarity(db, username, networks.own, since);
  return { networks, known, anybody, keys: keysOf(username, networks, known) };
}

/** People type passwords into the wrong field: what was typed as a name is kept as its hash only. */
function keysOf(
  username: string,
  { own, wide }: { own: string | null; wide: string | null },
  known: boolean,
): { account: string } & Partial<Record<Throttle, string>> {
  const name = createHash("sha256").update(username).digest("hex");
  const account = `account:${name}`;
  if (known) return { account, known: `known:${name}|${own ?? "-"}` };
  return {
    account,
    pair: `pair:${name}|${own ?? "-"}`,
    network: `network:${own ?? "-"}`,
    wide: `wide:${wide ?? "-"}`,
  };
}

function forgetBefore(now: Temporal.Instant): Temporal.Instant {
  return now.subtract({ seconds: FORGET_FAILURES_SECONDS });
}
