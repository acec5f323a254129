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
import { RepairOrder, type RepairOrderInput } from "./types.ts";

/**
 * Orders a host to finish what was interrupted in its package manager; it removes nothing. Allowed in every state of
 * the host: what is known here may be hours old, and a host without anything to finish says so.
 * @param key value of the Idempotency-Key header: the same key with the same order is the same job.
 * @throws AppError validation_failed, forbidden (auditor), host_not_found (also out of scope), idempotency_conflict
 */
export async function createRepair(
  sql: Sql,
  viewer: JobViewer,
  host_id: string,
  input: RepairOrderInput,
  key: string | null,
  context: Context,
): Promise<CreatedJob> {
  refuseAuditor(viewer);
  const parsed = RepairOrder.safeParse(input);
  if (!parsed.success) throw fieldsRefused(parsed.error.issues);
  checkKey(key);
  const { reason, deadline_minutes } = parsed.data;
  const hash = await sha256(JSON.stringify(["repair", host_id, reason, deadline_minutes ?? null]));
  const idempotency = key === null ? null : { key, hash };
  return await transaction(sql, async (tx) => {
    const earlier = idempotency && await earlierJob(tx, viewer.id, idempotency);
    if (earlier) return earlier;
    await mustSeeHosts(tx, viewer, [host_id]);
    return await placeJob(tx, viewer, {
      ...plainOrder,
      ...{ kind: "repair", reason, deadline_minutes, idempotency },
      hosts: [{ host_id, new_packages: null, original_agent_job_id: null }],
      patches: [],
    }, context);
  });
}
