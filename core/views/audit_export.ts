import { z } from "zod";
import { canonicalJson } from "../audit/canonical_json.ts";
import { EXPORT_FORMAT } from "../audit/verify_export.ts";
import { type PublicKeys, writePublicKeys } from "../audit/signing_key.ts";
import type { SignedStatement } from "../audit/statements.ts";
import { rfc3339 } from "../clock.ts";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { type AuditEntryRow, AuditFilter, conditionOf, objectsOf, rowsBefore, shownEntry } from "./audit_log.ts";
import { BYTE_ORDER_MARK, line } from "./host_export.ts";
import { checked } from "./page.ts";

/** Rows that are read at once. */
const BATCH = 500;

type Column = (entry: AuditEntryRow) => string | number | null;

/** Columns by their names, which are those of the API. They stay; new ones come last. */
const COLUMNS: Record<string, Column> = {
  seq: (entry) => entry.seq,
  at: (entry) => rfc3339(entry.at),
  actor_kind: (entry) => entry.actor_kind,
  actor_name: (entry) => entry.actor_name,
  actor_id: (entry) => entry.actor_id,
  address: (entry) => entry.address,
  action: (entry) => entry.action,
  outcome: (entry) => entry.outcome,
  object_kind: (entry) => entry.object_kind,
  object_name: (entry) => entry.object_name,
  object_id: (entry) => entry.object_id,
  details: (entry) => canonicalJson(entry.details),
  request_id: (entry) => entry.request_id,
  hash: (entry) => entry.hash,
};

/**
 * The log as CSV (RFC 4180), newest first, with the filters of the list, piece by piece: a million rows cost no more
 * memory than one piece.
 * @throws AppError validation_failed, before the first piece
 */
export async function* exportAuditCsv(db: Db, query: AuditFilter): AsyncGenerator<string> {
  const filter = checked(AuditFilter, query);
  const condition = conditionOf(db, filter, await objectsOf(db, filter));
  let head = BYTE_ORDER_MARK + line(Object.keys(COLUMNS));
  for (let before: number | null = null;;) {
    const rows: Awaited<ReturnType<typeof rowsBefore>> = await rowsBefore(db, condition, before, BATCH);
    const text = rows.map(shownEntry).map((entry) =>
      line(Object.values(COLUMNS).map((column) => String(column(entry) ?? "")))
    );
    yield head + text.join("");
    head = "";
    if (rows.length < BATCH) return;
    before = rows.at(-1)!.seq;
  }
}

const Stored = z.object({
  seq: z.number().int(),
  payload: z.instanceof(Uint8Array),
  previous_hash: z.string(),
  hash: z.string(),
});
const Place = z.object({ seq: z.number().int(), hash: z.string() });
const Signed = z.object({
  seq: z.number().int(),
  hash: z.string(),
  at: z.instanceof(Temporal.Instant),
  key_id: z.string(),
  signature: z.instanceof(Uint8Array),
});

/**
 * The log as JSON, oldest first, piece by piece, one row a line. Without a filter it holds all that
 * `patch-manager verify audit --export` needs: rows as they were hashed, the marker of what was removed by age, the
 * database's checkpoints and the public keys. The start says how far it goes, so that a file that was cut off shows.
 * @throws AppError validation_failed, before the first piece
 */
export async function* exportAuditJson(
  db: Db,
  query: AuditFilter,
  keys: PublicKeys,
  now: Temporal.Instant,
): AsyncGenerator<string> {
  const filter = checked(AuditFilter, query);
  const complete = Object.values(filter).every((value) => !value);
  const condition = conditionOf(db, filter, await objectsOf(db, filter));
  // In this order: no checkpoint is of a row behind the head.
  const checkpoints = complete ? await statements(db, "checkpoint") : [];
  const [marker = null] = await statements(db, "retention");
  const head = await one(Place, db`select seq, encode(hash, 'hex') as hash from audit_head`);
  const about = {
    ...{ format: EXPORT_FORMAT, exported_at: rfc3339(now), filter, complete, marker, head, checkpoints },
    public_keys: writePublicKeys(keys),
  };
  let text = `${JSON.stringify(about).slice(0, -1)},"rows":[\n`;
  let after = 0;
  let written = 0;
  while (true) {
    const rows = await many(
      Stored,
      db`
        select seq, payload, encode(previous_hash, 'hex') as previous_hash, encode(hash, 'hex') as hash
        from audit_log where ${condition} and seq > ${after} and seq <= ${head.seq} order by seq limit ${BATCH}`,
    );
    for (const row of rows) text += `${written++ === 0 ? "" : ",\n"}${rowText(row)}`;
    yield text;
    text = "";
    if (rows.length < BATCH) break;
    after = rows.at(-1)!.seq;
  }
  yield `\n],"count":${written}}\n`;
}

/** All checkpoints in order, or the last marker. */
async function statements(db: Db, kind: SignedStatement["kind"]): Promise<SignedStatement[]> {
  const table = kind === "checkpoint"
    ? db`audit_checkpoints order by seq`
    : db`audit_markers order by seq desc limit 1`;
  const rows = await many(
    Signed,
    db`select seq, encode(hash, 'hex') as hash, at, key_id, signature from ${table}`,
  );
  return rows.map((row) => ({ kind, ...row, at: rfc3339(row.at), signature: row.signature.toBase64() }));
}

/** A payload is canonical JSON and stands as it is; one that somebody broke stands as its bytes. */
function rowText({ seq, previous_hash, hash, payload }: z.infer<typeof Stored>): string {
  const start = `{"seq":${seq},"previous_hash":"${previous_hash}","hash":"${hash}",`;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    if (canonicalJson(JSON.parse(text)) === text) return `${start}"entry":${text}}`;
  } catch {
    // Its bytes, then.
  }
  return `${start}"payload_base64":"${payload.toBase64()}"}`;
}
