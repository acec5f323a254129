import { z } from "zod";
import { maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { Spent } from "./allowance.ts";

const ReportRow = z.object({
  content_hash: z.instanceof(Uint8Array).nullable(),
  index_refreshed_at: z.instanceof(Temporal.Instant).nullable(),
  new_contents: z.number(),
  new_contents_at: z.instanceof(Temporal.Instant).nullable(),
});
export type ReportRow = z.infer<typeof ReportRow>;

/** The report's narrow row under a lock: two reports of one host land one after the other. Null: removed. */
export function lockReport(db: Db, hostId: string): Promise<ReportRow | null> {
  return maybe(
    ReportRow,
    db`
      select d.content_hash, d.index_refreshed_at, d.new_contents, d.new_contents_at
      from host_patch_data d join hosts h on h.id = d.host_id
      where d.host_id = ${hostId} and h.removed_at is null
      for update of d`,
  );
}

/** Every poll updates this row, and for unchanged content nothing else. */
export async function acceptReport(
  db: Db,
  hostId: string,
  row: {
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
  },
): Promise<void> {
  await db`
    update host_patch_data set
      received_at = ${row.received_at},
      content_hash = ${row.content_hash},
      patches_etag = case when ${row.patches_sent} then ${row.patches_etag} else patches_etag end,
      packages_etag = case when ${row.packages_sent} then ${row.packages_etag} else packages_etag end,
      index_refreshed_at = case when ${row.index_age_said} then ${row.index_refreshed_at} else index_refreshed_at end,
      index_error = case when ${row.patches_sent} then ${row.index_error} else index_error end,
      state = case when ${row.patches_sent} then ${row.state} else state end,
      refused_at = null,
      refused_reason = null
    where host_id = ${hostId}`;
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

/** Health tells the age of the index too: a later time than the report's is the better one. */
export async function noteIndexAge(db: Db, hostId: string, refreshedAt: Temporal.Instant): Promise<void> {
  await db`
    update host_patch_data set index_refreshed_at = ${refreshedAt}
    where host_id = ${hostId} and received_at is not null
      and (index_refreshed_at is null or index_refreshed_at < ${refreshedAt})`;
}

export async function saveHealth(
  db: Db,
  hostId: string,
  row: {
    received_at: Temporal.Instant;
    status: string;
    checks: Record<string, string>;
    problems: string[];
    uptime_seconds: number | null;
    index_refreshed_at: Temporal.Instant | null;
    state_id: string | null;
  },
): Promise<void> {
  await db`
    insert into host_health_data
      (host_id, received_at, status, checks, problems, uptime_seconds, index_refreshed_at, state_id)
    values
      (${hostId}, ${row.received_at}, ${row.status}, ${db.json(row.checks)}, ${row.problems}::text[],
       ${row.uptime_seconds}, ${row.index_refreshed_at}, ${row.state_id})
    on conflict (host_id) do update set
      received_at = excluded.received_at, status = excluded.status, checks = excluded.checks,
      problems = excluded.problems, uptime_seconds = excluded.uptime_seconds,
      index_refreshed_at = excluded.index_refreshed_at, state_id = excluded.state_id`;
}
