import { z } from "zod";
import { roles } from "../auth/types.ts";
import { type Db, many, maybe } from "../database/connection.ts";

const instant = z.instanceof(Temporal.Instant);

const Token = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  limited: z.boolean(),
  from_here: z.boolean(),
  expires_at: instant,
  revoked: z.boolean(),
  last_used_at: instant.nullable(),
  user_id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  must_change: z.boolean(),
  has_factor: z.boolean(),
});
export type StoredToken = z.infer<typeof Token>;

/** The token of a hash with its maker as they are now: one indexed read. */
export function findToken(db: Db, hash: Uint8Array, address: string | null): Promise<StoredToken | null> {
  return maybe(
    Token,
    db`
      select t.id, t.name, t.scopes, t.group_ids is not null as limited,
        coalesce(t.networks is null or ${address}::inet <<= any(t.networks::inet[]), false) as from_here,
        t.expires_at, t.revoked_at is not null as revoked, t.last_used_at,
        u.id as user_id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled,
        coalesce(p.must_change, false) as must_change,
        p.user_id is null
          or exists (select from totp_secrets s where s.user_id = u.id)
          or exists (select from passkeys k where k.user_id = u.id) as has_factor
      from api_tokens t join users u on u.id = t.user_id left join passwords p on p.user_id = u.id
      where t.hash = ${hash}`,
  );
}

/** Notes a use, unless one was noted after `before`. */
export async function touchToken(
  db: Db,
  id: string,
  at: Temporal.Instant,
  address: string | null,
  before: Temporal.Instant,
): Promise<void> {
  await db`
    update api_tokens set last_used_at = ${at}, last_used_address = ${address}
    where id = ${id} and (last_used_at is null or last_used_at < ${before})`;
}

export interface NewTokenRow {
  id: string;
  user_id: string;
  name: string;
  hash: Uint8Array;
  hint: string;
  scopes: readonly string[];
  group_ids: string[] | null;
  networks: string[] | null;
  created_at: Temporal.Instant;
  expires_at: Temporal.Instant;
}

export async function insertToken(db: Db, row: NewTokenRow): Promise<void> {
  await db`
    insert into api_tokens (id, user_id, name, hash, hint, scopes, group_ids, networks, created_at, expires_at)
    values (
      ${row.id}, ${row.user_id}, ${row.name}, ${row.hash}, ${row.hint}, ${[...row.scopes]}::text[],
      ${row.group_ids}::uuid[], ${row.networks}::text[]::cidr[], ${row.created_at}, ${row.expires_at}
    )`;
}

/** Names of the user's tokens that have not ended, with the user held still until the transaction ends. */
export async function lockOpenNames(db: Db, user_id: string, now: Temporal.Instant): Promise<string[]> {
  await db`select from users where id = ${user_id} for update`;
  const rows = await many(
    z.object({ name: z.string() }),
    db`select name from api_tokens where user_id = ${user_id} and revoked_at is null and expires_at > ${now}`,
  );
  return rows.map(({ name }) => name);
}

/** Those of the groups that the user may name: operators their own. */
export async function knownGroups(db: Db, user_id: string, ids: string[]): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      select g.id from groups g join users u on u.id = ${user_id} and u.disabled_at is null
      where g.id = any(${ids}::uuid[])
        and (
          u.role in ('admin', 'auditor')
          or exists (select from user_groups ug where ug.group_id = g.id and ug.user_id = u.id)
        )`,
  );
  return rows.map(({ id }) => id);
}

const Revoked = z.object({ id: z.string(), name: z.string(), user_id: z.string(), username: z.string() });

/** Ends tokens that have not ended, and tells the open pages. Answers those that it ended. */
export async function revokeTokens(
  db: Db,
  which: { id?: string; user_id?: string },
  at: Temporal.Instant,
): Promise<z.infer<typeof Revoked>[]> {
  const rows = await many(
    Revoked,
    db`
      update api_tokens t set revoked_at = ${at}
      from users u
      where u.id = t.user_id and t.revoked_at is null and t.expires_at > ${at}
        and (${which.id ?? null}::uuid is null or t.id = ${which.id ?? null})
        and (${which.user_id ?? null}::uuid is null or t.user_id = ${which.user_id ?? null})
        and ${which.id !== undefined || which.user_id !== undefined}
      returning t.id, t.name, t.user_id, u.username`,
  );
  for (const { id } of rows) await db`select pg_notify('revoked', ${JSON.stringify({ sid: id })})`;
  return rows;
}

/** Deletes tokens that ended before a time. Returns how many. */
export async function deleteEnded(db: Db, before: Temporal.Instant): Promise<number> {
  const rows = await db`delete from api_tokens where expires_at < ${before} or revoked_at < ${before} returning id`;
  return rows.length;
}
