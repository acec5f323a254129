import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { sha256 } from "../ids.ts";
import {
  checkKey,
  type CreatedJob,
  earlierJob,
  fieldsRefused,
  type JobViewer,
  mustSeeHosts,
  placeJob,
  plainOrder,
  refuseAuditor,
} from "./place_job.ts";
import { RebootOrder, type RebootOrderInput } from "./types.ts";

/**
 * Orders a host to restart, with a warning to its users before; the job ends well only when the host is back with
 * another boot.
 * @param key value of the Idempotency-Key header: the same key with the same order is the same job.
 * @throws AppError validation_failed, forbidden (auditor), host_not_found (also out of scope), idempotency_conflict
 */
export async function createReboot(
  sql: Sql,
  viewer: JobViewer,
  host_id: string,
  input: RebootOrderInput,
  key: string | null,
  context: Context,
): Promise<CreatedJob> {
  refuseAuditor(viewer);
  const parsed = RebootOrder.safeParse(input);
  if (!parsed.success) throw fieldsRefused(parsed.error.issues);
  checkKey(key);
  const { reason, deadline_minutes, delay_seconds } = parsed.data;
  const hash = await sha256(JSON.stringify(["reboot", host_id, reason, deadline_minutes ?? null, delay_seconds]));
  const idempotency = key === null ? null : { key, hash };
  return await transaction(sql, async (tx) => {
    const earlier = idempotency && await earlierJob(tx, viewer.id, idempotency);
    if (earlier) return earlier;
    await mustSeeHosts(tx, viewer, [host_id]);
    return await placeJob(tx, viewer, {
      ...plainOrder,
      ...{ kind: "reboot", reason, deadline_minutes, idempotency },
      reboot: "always",
      reboot_delay_seconds: delay_seconds,
      hosts: [{ host_id, new_packages: null, original_agent_job_id: null }],
      patches: [],
    }, context);
  });
}
