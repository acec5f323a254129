import { z } from "zod";
import { type Db, many, maybe, one, type Sql } from "../database/connection.ts";
import { AuditRow } from "./types.ts";

/** Appends the payload through the only door there is and returns its sequence number. */
export async function insertEntry(db: Db, payload: Uint8Array): Promise<number> {
  const row = await one(z.object({ seq: z.number().int() }), db`select audit_append(${payload}) as seq`);
  return row.seq;
}

const Head = z.object({ seq: z.number().int(), hash: z.instanceof(Uint8Array) });

/** The chain's head, 0 and zeros when nothing was written yet. Null when somebody deleted it. */
export function readHead(db: Db): Promise<z.infer<typeof Head> | null> {
  return maybe(Head, db`select seq, hash from audit_head`);
}

/** At most `limit` rows after a sequence number, in order. */
export function readRows(sql: Sql, after: number, limit: number): Promise<z.infer<typeof AuditRow>[]> {
  // The copied columns are what people search by, so a copy that lies breaks the row like a changed payload.
  return many(
    AuditRow,
    sql`
      select seq, action, payload, previous_hash, hash,
        at = (entry ->> 'time')::timestamptz
          and action = entry ->> 'action'
          and outcome = entry ->> 'outcome'
          and actor_kind = entry -> 'actor' ->> 'kind'
          and actor_id is not distinct from entry -> 'actor' ->> 'id'
          and actor_name is not distinct from entry -> 'actor' ->> 'name'
          and address is not distinct from entry ->> 'address'
          and request_id is not distinct from entry ->> 'request_id'
          and object_kind is not distinct from entry -> 'object' ->> 'kind'
          and object_id is not distinct from entry -> 'object' ->> 'id'
          as at_matches
      from (select *, convert_from(payload, 'UTF8')::jsonb as entry from audit_log where seq > ${after} order by seq limit ${limit}) rows
      order by seq`,
  );
}
