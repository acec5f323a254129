import { z } from "zod";
import { type Db, maybe, one } from "../database/connection.ts";
import { type Role, roles } from "./types.ts";

const User = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  hash: z.string().nullable(),
  must_change: z.boolean(),
  /** When the password became what it is; null without one. Stays when its hash is made anew with other parameters. */
  password_set_at: z.instanceof(Temporal.Instant).nullable(),
});
export type StoredUser = z.infer<typeof User>;

export function findUser(db: Db, username: string): Promise<StoredUser | null> {
  return maybe(
    User,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled, p.hash,
        coalesce(p.must_change, false) as must_change, p.changed_at as password_set_at
      from users u left join passwords p on p.user_id = u.id
      where u.username = ${username}`,
  );
}

export function findUserById(db: Db, id: string): Promise<StoredUser | null> {
  return maybe(
    User,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled, p.hash,
        coalesce(p.must_change, false) as must_change, p.changed_at as password_set_at
      from users u left join passwords p on p.user_id = u.id
      where u.id = ${id}`,
  );
}

/**
 * Holds a user still until the transaction ends: whatever opens or ends their sessions comes one after the other, so that
 * a session that is just being opened cannot be missed by what ends them all. First of all, before any other row.
 */
export async function holdUser(db: Db, id: string): Promise<void> {
  await db`select from users where id = ${id} for no key update`;
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

/** Replaces a hash by a stronger one of the same password, unless the password was changed meanwhile. */
export async function replaceHash(db: Db, user_id: string, from: string, to: string): Promise<void> {
  await db`update passwords set hash = ${to} where user_id = ${user_id} and hash = ${from}`;
}

/** True from the first start on, for ever. */
export async function firstStartIsClosed(db: Db): Promise<boolean> {
  return (await db`select from system_config where key = 'first_start'`).length === 1;
}

export async function closeFirstStart(db: Db, at: Temporal.Instant): Promise<void> {
  await db`insert into system_config (key, value, changed_at) values ('first_start', '"closed"', ${at})`;
}
