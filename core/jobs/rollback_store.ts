import { z } from "zod";
import { type Db, many } from "../database/connection.ts";
import type { OrderedPatch } from "./store.ts";
import { jobKinds } from "./types.ts";

const Candidate = z.object({
  host_id: z.string(),
  kind: z.enum(jobKinds),
  ended: z.boolean(),
  agent_job_id: z.string().nullable(),
  /** Packages that the job changed and whose former version is known. */
  applied: z.number(),
  /** What the agent says; null when it does not. */
  possible: z.boolean().nullable(),
  reason: z.string().nullable(),
  /** A rollback of this job on this host: on its way, or done. */
  taken_back: z.enum(["open", "done"]).nullable(),
});
/** One host of a job that somebody wants to take back. */
export type RollbackCandidate = z.infer<typeof Candidate>;

/** The job's hosts that the viewer may know of, by id; none when there is no such job for them. */
export function rollbackCandidates(db: Db, viewer_id: string, job_id: string): Promise<RollbackCandidate[]> {
  return many(
    Candidate,
    db`
      select r.host_id, j.kind, r.ended_at is not null as ended, r.agent_job_id,
        (r.report -> 'rollback' ->> 'possible')::boolean as possible, r.report -> 'rollback' ->> 'reason' as reason,
        (
          select count(*)::int from patch_job_patches p
          where p.job_id = r.job_id and p.host_id = r.host_id and p.outcome = 'applied' and p.from_version is not null
        ) as applied,
        (
          select case when bool_or(b.ended_at is null) then 'open' when bool_or(b.state = 'succeeded') then 'done' end
          from patch_job_hosts b join patch_jobs back on back.id = b.job_id
          where back.original_job_id = r.job_id and b.host_id = r.host_id
        ) as taken_back
      from patch_job_hosts r
      join patch_jobs j on j.id = r.job_id
      join visible_hosts(${viewer_id}) v on v.host_id = r.host_id
      where r.job_id = ${job_id}
      order by r.host_id`,
  );
}

/** What the job changed on these hosts, the other way round. What came along new stays: nothing is removed by us. */
export async function appliedBy(db: Db, job_id: string, host_ids: string[]): Promise<OrderedPatch[]> {
  const rows = await many(
    z.object({
      host_id: z.string(),
      name: z.string(),
      arch: z.string(),
      from_version: z.string().nullable(),
      to_version: z.string().nullable(),
    }),
    db`
      select host_id, name, arch, to_version as from_version, from_version as to_version from patch_job_patches
      where job_id = ${job_id} and host_id = any(${host_ids}::uuid[]) and outcome = 'applied'
        and from_version is not null
      order by host_id, name, arch`,
  );
  return rows.map((row) => ({ ...row, action: "downgrade" as const }));
}
