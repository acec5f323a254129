import { reason } from "../errors.ts";
import type { Sql } from "../database/connection.ts";
import { auditHash } from "./rules.ts";
import { readHead, readRows } from "./store.ts";
import type { AuditVerdict } from "./types.ts";

const BATCH = 2000;

/**
 * Recomputes the whole chain: "intact, N rows", or exactly the first row that does not hold. A row is broken when
 * its hash, its link to the row before, its number or one of the copied columns is not what the payload says; a
 * truncated tail breaks the first missing row, because the head knows how far the chain went.
 */
export async function verifyAudit(sql: Sql): Promise<AuditVerdict> {
  // The head is read first: rows that are appended while we read come after it and are not judged.
  const head = await readHead(sql);
  if (!head) return { intact: false, rows: 0, first_broken: 1, problem: "the chain's head is missing" };
  let previous: Uint8Array = new Uint8Array(32);
  let seq = 0;
  const broken = (at: number, problem: string): AuditVerdict => ({
    intact: false,
    rows: seq,
    first_broken: at,
    problem,
  });
  while (seq < head.seq) {
    let rows;
    try {
      rows = await readRows(sql, seq, BATCH);
    } catch (thrown) {
      return await findUnreadable(sql, seq, head.seq, previous, thrown);
    }
    if (rows.length === 0) return broken(seq + 1, "the row is missing");
    for (const row of rows) {
      if (row.seq > head.seq) break;
      if (row.seq !== seq + 1) return broken(seq + 1, "the row is missing");
      if (!equal(row.previous_hash, previous)) return broken(row.seq, "it does not follow from the row before");
      if (!equal(row.hash, await auditHash(row.seq, previous, row.payload))) {
        return broken(row.seq, "its content is not what was written");
      }
      if (!row.at_matches) return broken(row.seq, "its searchable columns are not what was written");
      previous = row.hash;
      seq = row.seq;
    }
  }
  if (!equal(previous, head.hash)) return broken(seq, "the chain's head is for another row");
  return { intact: true, rows: seq, head: previous.toHex() };
}

/** A payload that is not even JSON stops a whole batch: go on row by row to name the one. */
async function findUnreadable(
  sql: Sql,
  after: number,
  last: number,
  previous: Uint8Array,
  thrown: unknown,
): Promise<AuditVerdict> {
  for (let seq = after + 1; seq <= last; seq++) {
    try {
      const [row] = await readRows(sql, seq - 1, 1);
      if (row?.seq !== seq) return { intact: false, rows: seq - 1, first_broken: seq, problem: "the row is missing" };
      if (!equal(row.hash, await auditHash(seq, previous, row.payload)) || !row.at_matches) {
        return { intact: false, rows: seq - 1, first_broken: seq, problem: "its content is not what was written" };
      }
      previous = row.hash;
    } catch {
      return { intact: false, rows: seq - 1, first_broken: seq, problem: "its content cannot be read" };
    }
  }
  throw new Error(`The audit log could not be read: ${reason(thrown)}`, { cause: thrown });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
