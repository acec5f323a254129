import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { hostStates, jobKinds } from "../jobs/types.ts";
import { jobHostSource } from "./job_hosts.ts";
import { makePage, type Page, readCursor, readLimit } from "./page.ts";
import { mustSee } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();

/** A job from the side of one host. */
export const HostJobRow = z.object({
  job_id: z.string(),
  kind: z.enum(jobKinds),
  requested_by: z.string(),
  reason: z.string(),
  state: z.enum(hostStates),
  progress: count,
  message: z.string(),
  error: z.string().nullable(),
  patches: count,
  applied: count,
  failed: count,
  queued_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
});
export type HostJobRow = z.infer<typeof HostJobRow>;

/**
 * What was done on a host, newest first, in pages of up to 200.
 * @throws AppError host_not_found (also out of scope), validation_failed, bad_request
 */
export async function hostJobs(
  db: Db,
  viewer: string,
  hostId: string,
  query: { cursor?: string | null; limit?: number } = {},
): Promise<Page<HostJobRow>> {
  const limit = readLimit(query.limit, 50, 200);
  const after = readCursor(query.cursor, "host jobs");
  await mustSee(db, viewer, hostId);
  const key = db`to_char(jh.queued_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') collate "C"`;
  const id = db`jh.job_id::text collate "C"`;
  const rows = await many(
    HostJobRow.extend({ key: z.string(), id: z.string() }),
    db`
      select jh.job_id, j.kind, coalesce(nullif(u.display_name, ''), u.username) as requested_by, j.reason, jh.state,
        jh.progress, jh.message, jh.error, p.patches, p.applied, p.failed, jh.queued_at, jh.started_at, jh.ended_at,
        ${key} as key, ${id} as id
      from ${jobHostSource(db, viewer)}
      join patch_jobs j on j.id = jh.job_id
      join users u on u.id = j.requested_by
      where jh.host_id = ${hostId} and ${after ? db`(${key}, ${id}) < (${after.key}, ${after.id})` : db`true`}
      order by ${key} desc, ${id} desc
      limit ${limit + 1}`,
  );
  const { total } = await one(
    z.object({ total: count }),
    db`select count(*)::int as total from patch_job_hosts where host_id = ${hostId}`,
  );
  return makePage(rows, limit, "host jobs", total, ({ key: _key, id: _id, ...row }) => row);
}
