import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { Spent } from "./allowance.ts";

const ReportRow = z.object({
  host_id: z.uuid(),
  content_hash: z.instanceof(Uint8Array).nullable(),
  index_refreshed_at: z.instanceof(Temporal.Instant).nullable(),
  new_contents: z.number(),
  new_contents_at: z.instanceof(Temporal.Instant).nullable(),
});
export type ReportRow = z.infer<typeof ReportRow>;

/**
 * Reports' narrow rows by host, under locks: two reports of one host land one after the other. Removed ones are left out.
 * Everybody takes the locks in the order of ids.
 *
 * @param options.free_only leaves out whoever is locked by somebody else, instead of waiting
 */
export async function lockReports(
  db: Db,
  hostIds: string[],
  options: { free_only: boolean },
): Promise<Map<string, ReportRow>> {
  // One host is looked up by its key; where a fleet is small, a list may be found by reading the whole table.
  const which = hostIds.length === 1 ? db`d.host_id = ${hostIds[0]}` : db`d.host_id = any(${hostIds}::uuid[])`;
  const rows = await many(
    ReportRow,
    db`
      select d.host_id, d.content_hash, d.index_refreshed_at, d.new_contents, d.new_contents_at
      from host_patch_data d join hosts h on h.id = d.host_id
      where ${which} and h.removed_at is null
      order by d.host_id
      for update of d ${options.free_only ? db`skip locked` : db``}`,
  );
  return new Map(rows.map((row) => [row.host_id, row]));
}

/** What a report says of itself. */
export interface AcceptedReport {
  host_id: string;
  received_at: Temporal.Instant;
  content_hash: Uint8Array;
  /** False for "not modified": etag, state and error of the list before stay. */
  patches_sent: boolean;
  packages_sent: boolean;
  patches_etag: string | null;
  packages_etag: string | null;
  /** False where the agent says nothing of its index here: health may have, and that stays. */
  index_age_said: boolean;
  index_refreshed_at: Temporal.Instant | null;
  index_error: string | null;
  state: string;
}

/** Every poll updates this row, and for unchanged content nothing else. */
export async function acceptReports(db: Db, rows: AcceptedReport[]): Promise<void> {
  const of = <Value>(value: (row: AcceptedReport) => Value) => rows.map(value);
  // The driver takes neither booleans nor bytes in arrays.
  await db`
    update host_patch_data d set
      received_at = new.received_at,
      content_hash = decode(new.content_hash, 'hex'),
      patches_etag = case when new.patches_sent = 1 then new.patches_etag else d.patches_etag end,
      packages_etag = case when new.packages_sent = 1 then new.packages_etag else d.packages_etag end,
      index_refreshed_at = case when new.index_age_said = 1 then new.index_refreshed_at else d.index_refreshed_at end,
      index_error = case when new.patches_sent = 1 then new.index_error else d.index_error end,
      state = case when new.patches_sent = 1 then new.state else d.state end,
      refused_at = null,
      refused_reason = null
    from unnest(
      ${of((row) => row.host_id)}::uuid[], ${of((row) => row.received_at)}::timestamptz[],
      ${of((row) => row.content_hash.toHex())}::text[], ${of((row) => Number(row.patches_sent))}::int[],
      ${of((row) => Number(row.packages_sent))}::int[], ${of((row) => row.patches_etag)}::text[],
      ${of((row) => row.packages_etag)}::text[], ${of((row) => Number(row.index_age_said))}::int[],
      ${of((row) => row.index_refreshed_at)}::timestamptz[], ${of((row) => row.index_error)}::text[],
      ${of((row) => row.state)}::text[]
    ) as new (host_id, received_at, content_hash, patches_sent, packages_sent, patches_etag, packages_etag,
      index_age_said, index_refreshed_at, index_error, state)
    where d.host_id = new.host_id ${rows.length === 1 ? db`and d.host_id = ${rows[0].host_id}` : db``}`;
}

/** Writes down what a host has named that nobody had before. */
export async function noteSpent(db: Db, hostId: string, spent: Spent): Promise<void> {
  await db`
    update host_patch_data set new_contents = ${spent.new_contents}, new_contents_at = ${spent.new_contents_at}
    where host_id = ${hostId}`;
}

/** False when the host was removed. */
export async function refuseReport(db: Db, hostId: string, at: Temporal.Instant, reason: string): Promise<boolean> {
  const rows = await db`
    update host_patch_data set refused_at = ${at}, refused_reason = ${reason}
    where host_id = ${hostId} and exists (select from hosts h where h.id = ${hostId} and h.removed_at is null)
    returning host_id`;
  return rows.length === 1;
}

/** What a host's health poll brought, as it is shown. */
export interface HealthRow {
  host_id: string;
  received_at: Temporal.Instant;
  status: string;
  checks: Record<string, string>;
  problems: string[];
  uptime_seconds: number | null;
  index_refreshed_at: Temporal.Instant | null;
  state_id: string | null;
}

/** Health tells the age of the index too: a later time than the report's is the better one. */
export async function saveHealth(db: Db, rows: HealthRow[]): Promise<void> {
  const text = (instant: Temporal.Instant | null) => instant?.toString({ fractionalSecondDigits: 6 }) ?? null;
  const all = rows.map((row) => ({
    ...row,
    received_at: text(row.received_at),
    index_refreshed_at: text(row.index_refreshed_at),
  }));
  await db`
    insert into host_health_data
      (host_id, received_at, status, checks, problems, uptime_seconds, index_refreshed_at, state_id)
    select host_id, received_at, status, checks, problems, uptime_seconds, index_refreshed_at, state_id
    from jsonb_to_recordset(${db.json(all as never)}) as new (
      host_id uuid, received_at timestamptz, status text, checks jsonb, problems text[], uptime_seconds bigint,
      index_refreshed_at timestamptz, state_id text)
    order by host_id
    on conflict (host_id) do update set
      received_at = excluded.received_at, status = excluded.status, checks = excluded.checks,
      problems = excluded.problems, uptime_seconds = excluded.uptime_seconds,
      index_refreshed_at = excluded.index_refreshed_at, state_id = excluded.state_id`;
  const told = all.filter((row) => row.index_refreshed_at !== null);
  if (told.length === 0) return;
  await db`
    update host_patch_data d set index_refreshed_at = told.at
    from unnest(${told.map((row) => row.host_id)}::uuid[], ${
    told.map((row) => row.index_refreshed_at)
  }::timestamptz[]) as told (host_id, at)
    where d.host_id = told.host_id and d.received_at is not null
      and (d.index_refreshed_at is null or d.index_refreshed_at < told.at)`;
}
