import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { Fragment } from "./scope.ts";
import { checked, makePage, type Page, readCursor, readLimit } from "./page.ts";

const short = z.string().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL");

const instant = z.iso.datetime({ offset: true, error: "must be an instant as RFC 3339: 2026-11-20T10:00:00Z" }).max(40);

/** What the log can be searched by. */
export const AuditFilter = z.object({
  /** From this instant on, RFC 3339. */
  from: instant.optional(),
  /** Before this instant. */
  to: instant.optional(),
  /** `host.create`, or all of a noun: `host`. */
  action: short.optional(),
  outcome: z.enum(["success", "failure", "denied"], "must be success, failure or denied").optional(),
  /** Name of who did it. */
  actor: short.optional(),
  /** Id of who did it. */
  actor_id: short.optional(),
  /** Id of what it was done to. */
  object_id: short.optional(),
  /** A host by id, name, full name or address, also one that was removed: what was done to it, and its jobs. */
  host: short.optional(),
});
export type AuditFilter = z.infer<typeof AuditFilter>;

export const AuditQuery = AuditFilter.extend({
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
export type StoredEntry = z.infer<typeof StoredEntry>;

/** One row of the audit log, as it is shown. */
export interface AuditEntryRow extends Omit<StoredEntry, "payload" | "hash"> {
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
  const { cursor, limit: wanted, ...filter } = checked(AuditQuery, query);
  const limit = readLimit(wanted, 100, 500);
  const after = readCursor(cursor, "audit");
  const before = after && /^\d{1,15}$/.test(after.id) ? Number(after.id) : null;
  const condition = conditionOf(db, filter, await objectsOf(db, filter));
  const rows = await rowsBefore(db, condition, before, limit + 1);
  // Numbers have no gaps, so the whole log is counted without reading it.
  const { total } = await one(
    z.object({ total: z.number() }),
    Object.values(filter).every((value) => !value)
      ? db`select coalesce(max(seq) - min(seq) + 1, 0)::int as total from audit_log`
      : db`select count(*)::int as total from audit_log where ${condition}`,
  );
  const keyed = rows.map((row) => ({ row, key: "", id: String(row.seq) }));
  return makePage(keyed, limit, "audit", total, ({ row }) => shownEntry(row));
}

/** At most `limit` rows with numbers below `before`, newest first. */
export function rowsBefore(
  db: Db,
  condition: Fragment,
  before: number | null,
  limit: number,
): Promise<StoredEntry[]> {
  return many(
    StoredEntry,
    db`
      select seq, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id, outcome,
        payload, hash
      from audit_log
      where ${condition} and ${before === null ? db`true` : db`seq < ${before}`}
      order by seq desc
      limit ${limit}`,
  );
}

/** One row by its number; null when there is none. As `auditLog`, for callers who may read all of it. */
export async function auditEntry(db: Db, seq: number): Promise<AuditEntryRow | null> {
  const [row] = await rowsBefore(db, db`seq = ${seq}`, null, 1);
  return row ? shownEntry(row) : null;
}

/**
 * The rows of a filter, as a condition on `audit_log`.
 * @param objects what `objectsOf` answered for the same filter
 */
export function conditionOf(db: Db, filter: AuditFilter, objects: string[] | null): Fragment {
  const { from, to, action, outcome, actor, actor_id, object_id } = filter;
  return db`
    ${from ? db`at >= ${Temporal.Instant.from(from)}` : db`true`}
    and ${to ? db`at < ${Temporal.Instant.from(to)}` : db`true`}
    and ${
    action
      ? (action.includes(".") ? db`action = ${action}` : db`action >= ${action + "."} and action < ${action + "/"}`)
      : db`true`
  }
    and ${outcome ? db`outcome = ${outcome}` : db`true`}
    and ${actor ? db`actor_name = ${actor}` : db`true`}
    and ${actor_id ? db`actor_id = ${actor_id}` : db`true`}
    and ${object_id ? db`object_id = ${object_id}` : db`true`}
    and ${objects ? db`object_id = any(${objects})` : db`true`}`;
}

/** Ids of the hosts that the filter names, removed ones too, of their jobs and enrolments; null: it names none. */
export async function objectsOf(db: Db, { host: called }: AuditFilter): Promise<string[] | null> {
  if (!called) return null;
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      with named as (
        select id from hosts
        where id::text = lower(${called}) or lower(fqdn) = lower(${called}) or lower(display_name) = lower(${called})
          or split_part(lower(fqdn), '.', 1) = lower(${called}) or host(address) = ${called}
      )
      select id::text from named
      union select job_id::text from patch_job_hosts where host_id in (select id from named)
      union select id::text from enrolments where host_id in (select id from named)`,
  );
  return rows.map(({ id }) => id);
}

/** Actions that stand in the log, for a choice among them. */
export async function auditActions(db: Db): Promise<string[]> {
  // A walk along the index from one action to the next, since it is read for every page: a million rows have some dozens.
  const rows = await many(
    z.object({ action: z.string() }),
    db`
      with recursive actions as (
        (select action from audit_log order by action limit 1)
        union all
        select (select l.action from audit_log l where l.action > actions.action order by l.action limit 1)
        from actions where actions.action is not null
      )
      select action from actions where action is not null`,
  );
  return rows.map(({ action }) => action);
}

/** A row whose content somebody broke is shown with its copied columns; the verification names it. */
export function shownEntry({ payload, hash, ...row }: StoredEntry): AuditEntryRow {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    content = null;
  }
  const read = Payload.safeParse(content).data;
  return { ...row, object_name: read?.object?.name ?? null, details: read?.details ?? {}, hash: hash.toHex() };
}
