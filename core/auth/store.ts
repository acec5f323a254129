import { z } from "zod";
import { type Db, many, maybe, one } from "../database/connection.ts";
import { type Role, roles } from "./types.ts";

const instant = z.instanceof(Temporal.Instant);

const User = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  hash: z.string().nullable(),
  must_change: z.boolean(),
});
export type StoredUser = z.infer<typeof User>;

export function findUser(db: Db, username: string): Promise<StoredUser | null> {
  return maybe(
    User,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled, p.hash,
        coalesce(p.must_change, false) as must_change
      from users u left join passwords p on p.user_id = u.id
      where u.username = ${username}`,
  );
}

export function findUserById(db: Db, id: string): Promise<StoredUser | null> {
  return maybe(
    User,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled, p.hash,
        coalesce(p.must_change, false) as must_change
      from users u left join passwords p on p.user_id = u.id
      where u.id = ${id}`,
  );
}

export async function countUsers(db: Db): Promise<number> {
  return (await one(z.object({ n: z.number() }), db`select count(*)::int as n from users`)).n;
}

export async function insertUser(
  db: Db,
  user: { id: string; username: string; display_name: string; role: Role; created_at: Temporal.Instant },
): Promise<void> {
  await db`insert into users ${db(user)}`;
}

export async function savePassword(
  db: Db,
  user_id: string,
  hash: string,
  must_change: boolean,
  at: Temporal.Instant,
): Promise<void> {
  await db`
    insert into passwords (user_id, hash, must_change, changed_at) values (${user_id}, ${hash}, ${must_change}, ${at})
    on conflict (user_id) do update set hash = excluded.hash, must_change = excluded.must_change, changed_at = excluded.changed_at`;
}

export async function noteLogin(db: Db, user_id: string, at: Temporal.Instant): Promise<void> {
  await db`update users set last_login_at = ${at} where id = ${user_id}`;
}

/** Failures that nobody remembers any more. */
export async function deleteThrottles(db: Db, before: Temporal.Instant): Promise<void> {
  await db`delete from login_throttle where changed_at < ${before}`;
}

const Throttle = z.object({ key: z.string(), failures: z.number(), blocked_until: instant, changed_at: instant });
export type StoredThrottle = z.infer<typeof Throttle>;

export function readThrottles(db: Db, keys: string[]): Promise<StoredThrottle[]> {
  return many(
    Throttle,
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

export async function block(db: Db, key: string, until: Temporal.Instant): Promise<void> {
  await db`update login_throttle set blocked_until = ${until} where key = ${key}`;
}

export async function clearFailures(db: Db, keys: string[]): Promise<void> {
  await db`delete from login_throttle where key = any(${keys})`;
}
