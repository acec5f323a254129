import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { jobDetail } from "./list_jobs.ts";
import { jobHostSource } from "./job_hosts.ts";

const Ordered = z.object({ name: z.string(), version: z.string().nullable() });
type Ordered = z.infer<typeof Ordered>;

/**
 * What an earlier job was ordered for, to order it again: its hosts that are still there, its packages in the versions
 * of then, and whether only security updates were meant.
 * @throws AppError job_not_found, also out of scope
 */
export async function orderedOf(
  db: Db,
  viewer: string,
  jobId: string,
): Promise<{ host_ids: string[]; packages: Ordered[]; reason: string; security_only: boolean }> {
  const { reason, security_only } = await jobDetail(db, viewer, jobId);
  const hosts = await many(
    z.object({ id: z.string() }),
    db`
      select jh.host_id as id from ${jobHostSource(db, viewer)}
      where jh.job_id = ${jobId} and h.removed_at is null order by jh.host_id`,
  );
  const packages = await many(
    Ordered,
    db`
      select distinct jp.name, jp.to_version as version
      from patch_job_patches jp join visible_hosts(${viewer}) v on v.host_id = jp.host_id
      where jp.job_id = ${jobId} and jp.origin = 'ordered' order by jp.name, jp.to_version`,
  );
  return { host_ids: hosts.map(({ id }) => id), packages, reason, security_only };
}
