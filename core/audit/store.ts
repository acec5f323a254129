import { z } from "zod";
import { rfc3339 } from "../clock.ts";
import { type Db, many, maybe, one, type Sql } from "../database/connection.ts";
import type { SignedStatement } from "./statements.ts";
import { chainRow, StoredRow } from "./stored_row.ts";
import type { ChainRow } from "./walk_chain.ts";

/** Appends the payload through the only door there is and returns its sequence number. */
export async function insertEntry(db: Db, payload: Uint8Array): Promise<number> {
  const row = await one(z.object({ seq: z.number().int() }), db`select audit_append(${payload}) as seq`);
  return row.seq;
}

const Place = z.object({ seq: z.number().int(), hash: z.string() });

/** The chain's head, 0 and zeros when nothing was written yet. Null when somebody deleted it. */
export function readHead(db: Db): Promise<{ seq: number; hash: string } | null> {
  return maybe(Place, db`select seq, encode(hash, 'hex') as hash from audit_head`);
}

/** The rows with numbers above `after` and up to `to`, in order, whatever somebody made of their payloads. */
export async function readRows(sql: Sql, after: number, to: number): Promise<ChainRow[]> {
  // As text in the escape form, which is half as much to carry as hexadecimal and takes every byte. Nothing here can
  // fail for a row: a result that breaks off leaves its rows to the next one of that connection (postgres.js 3.4.9).
  const rows = await many(
    StoredRow,
    sql`
      select seq, encode(payload, 'escape') as payload, encode(previous_hash, 'hex') as previous_hash,
        encode(hash, 'hex') as hash, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
        actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id, outcome
      from audit_log
      where seq > ${after} and seq <= ${to}
      order by seq`,
  );
  return rows.map(chainRow);
}

const Signed = z.object({
  seq: z.number().int(),
  hash: z.string(),
  at: z.instanceof(Temporal.Instant),
  key_id: z.string(),
  signature: z.instanceof(Uint8Array),
});

function statementOf(kind: SignedStatement["kind"], row: z.infer<typeof Signed>): SignedStatement {
  return { ...row, kind, at: rfc3339(row.at), signature: row.signature.toBase64() };
}

/** The checkpoints that the database keeps, in order. */
export async function readCheckpoints(db: Db): Promise<SignedStatement[]> {
  const rows = await many(
    Signed,
    db`select seq, encode(hash, 'hex') as hash, at, key_id, signature from audit_checkpoints order by seq`,
  );
  return rows.map((row) => statementOf("checkpoint", row));
}

/** The last checkpoint that the database keeps. */
export async function lastCheckpoint(db: Db): Promise<SignedStatement | null> {
  const row = await maybe(
    Signed,
    db`select seq, encode(hash, 'hex') as hash, at, key_id, signature from audit_checkpoints order by seq desc limit 1`,
  );
  return row && statementOf("checkpoint", row);
}

export async function insertCheckpoint(db: Db, { seq, hash, at, key_id, signature }: SignedStatement): Promise<void> {
  await db`
    insert into audit_checkpoints (seq, hash, at, key_id, signature)
    values (${seq}, decode(${hash}, 'hex'), ${Temporal.Instant.from(at)}, ${key_id},
      ${Uint8Array.fromBase64(signature)})
    on conflict (seq) do nothing`;
}

/** The marker that stands for the last rows that were removed by age. */
export async function lastMarker(db: Db): Promise<SignedStatement | null> {
  const row = await maybe(
    Signed,
    db`select seq, encode(hash, 'hex') as hash, at, key_id, signature from audit_markers order by seq desc limit 1`,
  );
  return row && statementOf("retention", row);
}

/** The last of the rows from the start that are all older than an instant, at most `limit` of them; null: none. */
export async function lastRowBefore(
  db: Db,
  instant: Temporal.Instant,
  limit: number,
): Promise<{ seq: number; hash: string } | null> {
  return await maybe(
    Place,
    db`
      with oldest as (select seq, hash, at from audit_log order by seq limit ${limit})
      select seq, encode(hash, 'hex') as hash from oldest
      where seq < coalesce((select min(seq) from oldest where at >= ${instant}), 9223372036854775807)
      order by seq desc limit 1`,
  );
}

/** Removes the rows up to the marker's; the database refuses those that are younger than 180 days. */
export async function pruneRows(sql: Db, { seq, at, key_id, signature }: SignedStatement): Promise<number> {
  const { removed } = await one(
    z.object({ removed: z.number().int() }),
    sql`select audit_prune(${seq}, ${Temporal.Instant.from(at)}, ${key_id}, ${Uint8Array.fromBase64(signature)})
      as removed`,
  );
  return removed;
}
