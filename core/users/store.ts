import { z } from "zod";
import { roles } from "../auth/types.ts";
import { many, maybe, one } from "../database/rows.ts";
import type { Db, Tx } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import type { Account } from "./types.ts";

/** Serialises whatever decides who may do what: of two admins who demote each other at once one is an admin no more. */
const ADMINISTRATION_LOCK = 7204510336023;

export async function lockAdministration(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${ADMINISTRATION_LOCK})`;
}

const AccountRow = z.object({
  id: z.uuid(),
  username: z.string(),
  display_name: z.string(),
  email: z.string().nullable(),
  role: z.enum(roles),
  disabled_at: z.instanceof(Temporal.Instant).nullable(),
});

/**
 * The user, kept as they are until the transaction ends.
 * @throws AppError user_not_found
 */
export async function lockUser(tx: Tx, id: string): Promise<Account> {
  const user = isUuid(id)
    ? await maybe(
      AccountRow,
      tx`select id, username, display_name, email, role, disabled_at from users where id = ${id} for update`,
    )
    : null;
  if (!user) throw new AppError("user_not_found");
  return user;
}

/** True for an enabled admin. */
export async function isAdmin(db: Db, id: string): Promise<boolean> {
  return (await db`select from users where id = ${id} and role = 'admin' and disabled_at is null`).length === 1;
}

/** Enabled admins but this one. */
export async function countOtherAdmins(db: Db, id: string): Promise<number> {
  const { others } = await one(
    z.object({ others: z.number() }),
    db`select count(*)::int as others from users where role = 'admin' and disabled_at is null and id <> ${id}`,
  );
  return others;
}

/** True when the name was free; names are stored in lower case. */
export async function insertAccount(db: Db, user: Account, at: Temporal.Instant): Promise<boolean> {
  const { id, username, display_name, email, role } = user;
  const rows = await db`
    insert into users (id, username, display_name, email, role, created_at)
    values (${id}, ${username}, ${display_name}, ${email}, ${role}, ${at})
    on conflict (username) do nothing returning id`;
  return rows.length === 1;
}

export async function updateAccount(db: Db, { id, display_name, email, role, disabled_at }: Account): Promise<void> {
  await db`
    update users set display_name = ${display_name}, email = ${email}, role = ${role}, disabled_at = ${disabled_at}
    where id = ${id}`;
}

/** Tells whoever remembers what a user is called; it goes the way of ends of sessions, so that neither overtakes. */
export async function tellOfName(tx: Tx, id: string): Promise<void> {
  await tx`select pg_notify('revoked', ${JSON.stringify({ renamed: id })}::text)`;
}

/** Passwords, factors, sessions, tokens and memberships go with it. */
export async function deleteAccount(db: Db, id: string): Promise<void> {
  await db`delete from users where id = ${id}`;
}

/**
 * Columns that name whoever did something, with what it is. What belongs to the user (passwords, factors, sessions,
 * memberships) is not here: it goes with them.
 */
export const TRACES: readonly [table: string, column: string, one: string, many: string][] = [
  ["patch_jobs", "requested_by", "job", "jobs"],
  ["patch_jobs", "cancelled_by", "cancelled job", "cancelled jobs"],
  ["hosts", "created_by", "host added", "hosts added"],
  ["hosts", "removed_by", "host removed", "hosts removed"],
  ["groups", "created_by", "group made", "groups made"],
  ["enrolment_tokens", "created_by", "enrolment token", "enrolment tokens"],
  ["enrolments", "decided_by", "enrolment decided", "enrolments decided"],
  ["certificates", "issued_by", "certificate", "certificates"],
  ["allowed_networks", "created_by", "allowed network", "allowed networks"],
  ["system_config", "changed_by", "setting", "settings"],
];

/** So many of a kind are counted: beyond it does not matter how many. */
const COUNTED = 1_000;

/** What names the user, in words with numbers; empty when nothing does. */
export async function tracesOf(db: Db, { id, username }: Pick<Account, "id" | "username">): Promise<string[]> {
  const parts = TRACES.map(([table, column, one, many]) =>
    db`
      select ${one}::text as one, ${many}::text as many,
        (select count(*)::int from (select from ${db(table)} where ${db(column)} = ${id} limit ${COUNTED}) t) as n
      union all`
  );
  const rows = await many(
    z.object({ one: z.string(), many: z.string(), n: z.number() }),
    db`
      select * from (
        ${parts}
        select 'entry in the audit log', 'entries in the audit log', (
          select count(*)::int
          from (select from audit_log where actor_name = ${username} and actor_id = ${id} limit ${COUNTED}) t
        )
      ) traces where n > 0`,
  );
  return rows.map(({ one, many, n }) => {
    if (n === COUNTED) return `${n.toLocaleString("en")} or more ${many}`;
    return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  });
}
