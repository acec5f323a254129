import { z } from "zod";
import { type Db, many } from "../database/connection.ts";

const instant = z.instanceof(Temporal.Instant);

const SigningKeyRow = z.object({
  kid: z.string(),
  sealed: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  signs_until: instant,
  verifies_until: instant,
});
export type SigningKeyRow = z.infer<typeof SigningKeyRow>;

/** Keys that still verify, those that sign the longest last. */
export function selectSigningKeys(db: Db, at: Temporal.Instant): Promise<SigningKeyRow[]> {
  return many(
    SigningKeyRow,
    db`select kid, sealed, signs_until, verifies_until from signing_keys
      where verifies_until > ${at} order by signs_until, kid`,
  );
}

export async function insertSigningKey(
  db: Db,
  key: SigningKeyRow & { public_jwk: Record<string, unknown>; created_at: Temporal.Instant },
): Promise<void> {
  const { kid, public_jwk, sealed, created_at, signs_until, verifies_until } = key;
  await db`
    insert into signing_keys (kid, public_jwk, sealed, created_at, signs_until, verifies_until)
    values (${kid}, ${db.json(public_jwk as never)}, ${sealed}, ${created_at}, ${signs_until}, ${verifies_until})`;
}

export async function deleteSigningKeys(db: Db, before: Temporal.Instant): Promise<void> {
  await db`delete from signing_keys where verifies_until < ${before}`;
}

/** Until the end of the transaction nobody else makes a key. */
export async function lockSigningKeys(db: Db): Promise<void> {
  await db`select pg_advisory_xact_lock(hashtextextended('signing keys', 0))`;
}
