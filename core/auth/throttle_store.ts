import { z } from "zod";
import { type Db, many, one, type Tx } from "../database/connection.ts";

const instant = z.instanceof(Temporal.Instant);

const StoredThrottle = z.object({ key: z.string(), failures: z.number(), blocked_until: instant, changed_at: instant });
export type StoredThrottle = z.infer<typeof StoredThrottle>;

/** The class of the advisory locks that count attempts; locks of other purposes have one number, so they never meet. */
const THROTTLE_LOCK = 72_045;

export function readThrottles(db: Db, keys: string[]): Promise<StoredThrottle[]> {
  return many(
    StoredThrottle,
    db`select key, failures, blocked_until, changed_at from login_throttle where key = any(${keys})`,
  );
}

/** Counts one failure under a key, starting again from one when the last is too old, and returns the new count. */
export async function countFailure(
  db: Db,
  key: string,
  at: Temporal.Instant,
  forget_before: Temporal.Instant,
): Promise<number> {
  const row = await one(
    z.object({ failures: z.number() }),
    db`
      insert into login_throttle as t (key, failures, blocked_until, changed_at) values (${key}, 1, ${at}, ${at})
      on conflict (key) do update set
        failures = case when t.changed_at < ${forget_before} then 1 else t.failures + 1 end,
        changed_at = ${at}
      returning failures`,
  );
  return row.failures;
}

/** Makes a key wait that has not failed yet; one that is there already, and not forgotten, is left as it is. */
export async function makeWait(
  db: Db,
  key: string,
  until: Temporal.Instant,
  at: Temporal.Instant,
  forget_before: Temporal.Instant,
): Promise<void> {
  await db`
    insert into login_throttle as t (key, failures, blocked_until, changed_at) values (${key}, 0, ${until}, ${at})
    on conflict (key) do update set failures = 0, blocked_until = ${until}, changed_at = ${at}
    where t.changed_at < ${forget_before}`;
}

export async function block(db: Db, key: string, until: Temporal.Instant): Promise<void> {
  await db`update login_throttle set blocked_until = ${until} where key = ${key}`;
}

export async function clearFailures(db: Db, keys: string[]): Promise<void> {
  await db`delete from login_throttle where key = any(${keys})`;
}

/** Takes one failure back, and the pause that it brought unless another one brought a longer one since. */
export async function takeBack(db: Db, key: string, until: Temporal.Instant | null): Promise<void> {
  await db`
    update login_throttle
    set failures = greatest(failures - 1, 0),
      blocked_until = case when blocked_until = ${until}::timestamptz then changed_at else blocked_until end
    where key = ${key}`;
}

/** Waits for whoever counts under one of these keys, until the transaction ends; in one order, so that two never block. */
export async function oneAfterTheOther(tx: Tx, keys: string[]): Promise<void> {
  await tx`
    select pg_advisory_xact_lock(${THROTTLE_LOCK}, place)
    from (select distinct hashtext(key) as place from unnest(${keys}::text[]) as key order by place) places`;
}

/** True once for each pause of a key: for whoever is refused first. */
export async function claimDenial(db: Db, key: string): Promise<boolean> {
  const rows = await db`
    update login_throttle set denied_until = blocked_until
    where key = ${key} and denied_until is distinct from blocked_until returning key`;
  return rows.length === 1;
}

/** True once for each pause that any of these keys is in, as {@link claimDenial}. */
export async function claimHeld(db: Db, keys: string[], now: Temporal.Instant): Promise<boolean> {
  const rows = await db`
    update login_throttle set denied_until = blocked_until
    where key = any(${keys}) and blocked_until > ${now} and denied_until is distinct from blocked_until
    returning key`;
  return rows.length > 0;
}

/** Whether this user, or anybody, has signed in from the network since then. */
export async function familiarity(
  db: Db,
  username: string,
  network: string,
  since: Temporal.Instant,
): Promise<{ user: boolean; anybody: boolean }> {
  return await one(
    z.object({ user: z.boolean(), anybody: z.boolean() }),
    db`
      select coalesce(bool_or(u.username = ${username}), false) as "user", count(*) > 0 as anybody
      from login_networks n join users u on u.id = n.user_id
      where n.network = ${network}::text::cidr and n.last_success_at > ${since} and u.disabled_at is null`,
  );
}

export async function saveNetwork(db: Db, user_id: string, network: string, at: Temporal.Instant): Promise<void> {
  await db`
    insert into login_networks (user_id, network, last_success_at) values (${user_id}, ${network}::text::cidr, ${at})
    on conflict (user_id, network) do update set last_success_at = excluded.last_success_at`;
}

/** What nothing looks at any more. */
export async function deleteOld(
  db: Db,
  before: { failures: Temporal.Instant; networks: Temporal.Instant },
): Promise<void> {
  await db`delete from login_throttle where changed_at < ${before.failures}`;
  await db`delete from login_networks where last_success_at < ${before.networks}`;
}
