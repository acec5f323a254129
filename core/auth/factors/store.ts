import { z } from "zod";
import { type Db, many, maybe, one } from "../../database/connection.ts";

const instant = z.instanceof(Temporal.Instant);
const bytes = z.instanceof(Uint8Array);
const count = z.object({ n: z.number() });

export interface StoredTotp {
  sealed: Uint8Array;
  last_step: number;
  created_at: Temporal.Instant;
}

export function findTotp(db: Db, user_id: string): Promise<StoredTotp | null> {
  return maybe(
    z.object({ sealed: bytes, last_step: z.coerce.number(), created_at: instant }),
    db`select sealed, last_step, created_at from totp_secrets where user_id = ${user_id}`,
  );
}

/** Puts a secret in the place of the one before. Steps that were used stay used. */
export async function saveTotp(
  db: Db,
  user_id: string,
  sealed: Uint8Array,
  last_step: number,
  at: Temporal.Instant,
): Promise<void> {
  await db`
    insert into totp_secrets as t (user_id, sealed, created_at, last_step) values (${user_id}, ${sealed}, ${at}, ${last_step})
    on conflict (user_id) do update set
      sealed = excluded.sealed, created_at = excluded.created_at, last_step = greatest(t.last_step, excluded.last_step)`;
}

/** Marks a step as used. False when it, or a later one, was used in the meantime: of two requests one wins. */
export async function takeStep(db: Db, user_id: string, step: number): Promise<boolean> {
  const rows = await db`
    update totp_secrets set last_step = ${step} where user_id = ${user_id} and last_step < ${step} returning user_id`;
  return rows.length === 1;
}

export async function deleteTotp(db: Db, user_id: string): Promise<boolean> {
  return (await db`delete from totp_secrets where user_id = ${user_id} returning user_id`).length === 1;
}

const Passkey = z.object({
  id: z.string(),
  user_id: z.string(),
  name: z.string(),
  credential_id: bytes,
  public_key: bytes,
  sign_count: z.coerce.number(),
  transports: z.array(z.string()),
  backed_up: z.boolean(),
  verifies_user: z.boolean(),
  created_at: instant,
  last_used_at: instant.nullable(),
});
export type StoredPasskey = z.infer<typeof Passkey>;

export function listPasskeys(db: Db, user_id: string): Promise<StoredPasskey[]> {
  return many(Passkey, db`select * from passkeys where user_id = ${user_id} order by created_at, id`);
}

export function findCredential(db: Db, credential_id: Uint8Array): Promise<StoredPasskey | null> {
  return maybe(Passkey, db`select * from passkeys where credential_id = ${credential_id}`);
}

/** False when this credential is registered already, for whomever. */
export async function insertPasskey(db: Db, passkey: StoredPasskey): Promise<boolean> {
  const rows = await db`insert into passkeys ${db({ ...passkey })} on conflict (credential_id) do nothing returning id`;
  return rows.length === 1;
}

/**
 * Notes a use. False when its counter did not go on: somebody has a copy of it. Those that do not count say 0 always
 * (WebAuthn Level 3, 6.1.1).
 */
export async function notePasskeyUse(
  db: Db,
  id: string,
  use: { sign_count: number; backed_up: boolean; verifies_user: boolean; at: Temporal.Instant },
): Promise<boolean> {
  const rows = await db`
    update passkeys
    set sign_count = ${use.sign_count}, backed_up = ${use.backed_up}, last_used_at = ${use.at},
      verifies_user = verifies_user or ${use.verifies_user}
    where id = ${id} and (sign_count < ${use.sign_count} or (sign_count = 0 and ${use.sign_count}::bigint = 0))
    returning id`;
  return rows.length === 1;
}

export async function renamePasskey(db: Db, user_id: string, id: string, name: string): Promise<string | null> {
  const row = await maybe(
    z.object({ before: z.string() }),
    db`
      update passkeys p set name = ${name} from passkeys old
      where p.id = ${id} and p.user_id = ${user_id} and old.id = p.id returning old.name as before`,
  );
  return row?.before ?? null;
}

/** Returns the name of what is gone; null when there was no such passkey of theirs. */
export async function deletePasskey(db: Db, user_id: string, id: string): Promise<string | null> {
  const row = await maybe(
    z.object({ name: z.string() }),
    db`delete from passkeys where id = ${id} and user_id = ${user_id} returning name`,
  );
  return row?.name ?? null;
}

export async function deletePasskeys(db: Db, user_id: string): Promise<number> {
  return (await db`delete from passkeys where user_id = ${user_id} returning id`).length;
}

/** Apps and passkeys; recovery codes are no factor of their own. */
export async function countFactors(db: Db, user_id: string): Promise<number> {
  const row = await one(
    count,
    db`
      select (select count(*) from totp_secrets where user_id = ${user_id})::int
        + (select count(*) from passkeys where user_id = ${user_id})::int as n`,
  );
  return row.n;
}

export async function replaceRecoveryCodes(
  db: Db,
  user_id: string,
  hashes: Uint8Array[],
  at: Temporal.Instant,
): Promise<void> {
  await db`delete from recovery_codes where user_id = ${user_id}`;
  for (const hash of hashes) {
    await db`insert into recovery_codes (user_id, hash, created_at) values (${user_id}, ${hash}, ${at})`;
  }
}

export async function deleteRecoveryCodes(db: Db, user_id: string): Promise<number> {
  return (await db`delete from recovery_codes where user_id = ${user_id} returning hash`).length;
}

export async function countRecoveryCodes(db: Db, user_id: string): Promise<number> {
  const rows = db`select count(*)::int as n from recovery_codes where user_id = ${user_id} and used_at is null`;
  return (await one(count, rows)).n;
}

/** Marks a code as used. False when there is none, or it was used. */
export async function takeRecoveryCode(
  db: Db,
  user_id: string,
  hash: Uint8Array,
  at: Temporal.Instant,
): Promise<boolean> {
  const rows = await db`
    update recovery_codes set used_at = ${at} where user_id = ${user_id} and hash = ${hash} and used_at is null
    returning user_id`;
  return rows.length === 1;
}

export const purposes = ["register", "login", "factor", "confirm"] as const;
/** What a passkey is asked for, and by whom: what is signed for one is worth nothing for another. */
export interface Question {
  purpose: typeof purposes[number];
  /** Null at the login: nobody is known. */
  user_id: string | null;
  session_id: string | null;
}

/**
 * Keeps a question. Of one asker's only so many stay open; the oldest goes, so that nobody is turned away for what
 * others asked before.
 * @param from.asker whoever may ask for so many: a session, or a network where nobody is known yet
 */
export async function insertChallenge(
  db: Db,
  hash: Uint8Array,
  question: Question,
  from: { asker: string; now: Temporal.Instant; until: Temporal.Instant; most: number },
): Promise<void> {
  await db`delete from passkey_challenges where expires_at < ${from.now}`;
  await db`
    delete from passkey_challenges
    where hash in (
      select hash from passkey_challenges where asker = ${from.asker}
      order by expires_at desc, hash offset ${from.most - 1}
    )`;
  await db`
    insert into passkey_challenges (hash, purpose, user_id, session_id, asker, expires_at)
    values (${hash}, ${question.purpose}, ${question.user_id}, ${question.session_id}, ${from.asker}, ${from.until})`;
}

/** Takes a question back for good. False when it was never asked, of somebody else, answered before, or is too old. */
export async function takeChallenge(
  db: Db,
  hash: Uint8Array,
  question: Question,
  now: Temporal.Instant,
): Promise<boolean> {
  const rows = await db`
    delete from passkey_challenges
    where hash = ${hash} and purpose = ${question.purpose} and expires_at > ${now}
      and user_id is not distinct from ${question.user_id}::uuid
      and session_id is not distinct from ${question.session_id}::uuid
    returning hash`;
  return rows.length === 1;
}
