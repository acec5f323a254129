import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { checked, makePage, type Page, readCursor, readLimit } from "./page.ts";

const short = z.string().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL");

export const AuditQuery = z.object({
  /** `host.create` */
  action: short.optional(),
  outcome: z.enum(["success", "failure", "denied"]).optional(),
  /** Id of who did it. */
  actor_id: short.optional(),
  /** Id of what it was done to. */
  object_id: short.optional(),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type AuditQuery = z.input<typeof AuditQuery>;

const StoredEntry = z.object({
  seq: z.number().int(),
  at: z.instanceof(Temporal.Instant),
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  action: z.string(),
  object_kind: z.string().nullable(),
  object_id: z.string().nullable(),
  outcome: z.string(),
  payload: z.instanceof(Uint8Array),
  hash: z.instanceof(Uint8Array),
});

/** One row of the audit log, as it is shown. */
export interface AuditEntryRow extends Omit<z.infer<typeof StoredEntry>, "payload" | "hash"> {
  object_name: string | null;
  details: Record<string, unknown>;
  /** Of the row within the chain, hexadecimal. */
  hash: string;
}

const Payload = z.object({
  object: z.object({ name: z.string().nullish() }).nullish(),
  details: z.record(z.string(), z.unknown()),
});

/**
 * The audit log, newest first, in pages of up to 500. It tells of every host and person, so it has no scope: callers
 * let in only who may read all of it.
 * @throws AppError validation_failed, bad_request
 */
export async function auditLog(db: Db, query: AuditQuery = {}): Promise<Page<AuditEntryRow>> {
  const { action, outcome, actor_id, object_id, cursor, limit: wanted } = checked(AuditQuery, query);
  const limit = readLimit(wanted, 100, 500);
  const after = readCursor(cursor, "audit");
  const before = after && /^\d{1,15}$/.test(after.id) ? Number(after.id) : null;
  const condition = db`
    ${action ? db`action = ${action}` : db`true`}
    and ${outcome ? db`outcome = ${outcome}` : db`true`}
    and ${actor_id ? db`actor_id = ${actor_id}` : db`true`}
    and ${object_id ? db`object_id = ${object_id}` : db`true`}`;
  const rows = await many(
    StoredEntry,
    db`
      select seq, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id, outcome,
        payload, hash
      from audit_log
      where ${condition} and ${before === null ? db`true` : db`seq < ${before}`}
      order by seq desc
      limit ${limit + 1}`,
  );
  const { total } = await one(
    z.object({ total: z.number() }),
    db`select count(*)::int as total from audit_log where ${condition}`,
  );
  const keyed = rows.map((row) => ({ row, key: "", id: String(row.seq) }));
  return makePage(keyed, limit, "audit", total, ({ row }) => shown(row));
}

/** A row whose content somebody broke is shown with its copied columns; `audit verify` names it. */
function shown({ payload, hash, ...row }: z.infer<typeof StoredEntry>): AuditEntryRow {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    content = null;
  }
  const read = Payload.safeParse(content).data;
  return { ...row, object_name: read?.object?.name ?? null, details: read?.details ?? {}, hash: hash.toHex() };
}
