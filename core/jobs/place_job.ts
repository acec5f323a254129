import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import type { Tx } from "../database/connection.ts";
import { AppError, type Problem } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { confirmReach } from "../auth/confirm_reach.ts";
import { announceJob } from "./announce.ts";
import { defaultDeadlineMinutes } from "./rules.ts";
import {
  findByKey,
  insertJob,
  insertJobHosts,
  insertOrderedPatches,
  type OrderedPatch,
  visibleAmong,
  wakeFleet,
} from "./store.ts";
import { IdempotencyKey, type JobKind, type RebootRule } from "./types.ts";
import type { Viewer } from "../auth/types.ts";

/** The caller, as far as jobs ask. */
export type JobViewer = Pick<Viewer, "id" | "role" | "sees" | "authenticated_at" | "token">;

export interface CreatedJob {
  job_id: string;
  /** True when the same Idempotency-Key made the job earlier: nothing was done now, and the rest says nothing. */
  repeated: boolean;
  /** Hosts that the job has. */
  hosts: number;
  /** Patches ordered, over all hosts. */
  patches: number;
  /** Chosen hosts that have nothing to do of what was ordered; they are not part of the job. */
  left_out: string[];
}

/** A key of the caller's with the hash of what was ordered under it. */
export interface Idempotency {
  key: string;
  hash: Uint8Array;
}

/** One host of an order. */
export interface HostOrder {
  host_id: string;
  /** New packages that were seen with the updates; null where the order knows of no such list. */
  new_packages: string[] | null;
  /** The host's own name of the job that a rollback takes back. */
  original_agent_job_id: string | null;
}

/** An order whose hosts and exact versions are settled. */
export interface SettledOrder {
  kind: JobKind;
  reason: string;
  security_only: boolean;
  reboot: RebootRule;
  reboot_delay_seconds: number;
  deadline_minutes?: number;
  hosts: HostOrder[];
  patches: OrderedPatch[];
  left_out: string[];
  idempotency: Idempotency | null;
  original_job_id: string | null;
  /** What the audit row says besides. */
  details?: Record<string, unknown>;
}

/** What an order is when nothing is said. */
export const plainOrder = {
  security_only: false,
  reboot: "never" as const,
  reboot_delay_seconds: 60,
  left_out: [],
  idempotency: null,
  original_job_id: null,
};

/**
 * Writes the job and everything that belongs to it, and wakes the fleet role; the audit row is the last statement.
 * @throws AppError nothing_to_do without hosts; confirmation_required for many hosts and an old proof of identity;
 *   idempotency_conflict
 */
export async function placeJob(tx: Tx, viewer: JobViewer, order: SettledOrder, context: Context): Promise<CreatedJob> {
  if (order.hosts.length === 0) throw new AppError("nothing_to_do");
  await confirmReach(tx, viewer, order.hosts.length, context.clock);
  const { kind, reason, security_only, reboot, reboot_delay_seconds, idempotency, patches, left_out } = order;
  const now = context.clock.now();
  const job_id = uuidv7(context.clock);
  const deadline_at = now.add({ minutes: order.deadline_minutes ?? defaultDeadlineMinutes(kind) });
  const inserted = await insertJob(tx, {
    id: job_id,
    kind,
    requested_by: viewer.id,
    requested_at: now,
    reason,
    security_only,
    reboot,
    reboot_delay_seconds,
    deadline_at,
    idempotency_key: idempotency?.key ?? null,
    idempotency_hash: idempotency?.hash ?? null,
    original_job_id: order.original_job_id,
  });
  if (!inserted) return (await earlierJob(tx, viewer.id, idempotency!))!;
  const ordered = Map.groupBy(patches, (patch) => patch.host_id);
  const hosts = order.hosts.map((host) => ({
    ...host,
    run_id: uuidv7(context.clock),
    ordered_patches: ordered.get(host.host_id)?.length ?? 0,
  }));
  await insertJobHosts(tx, { id: job_id, kind, deadline_at }, hosts);
  await insertOrderedPatches(tx, job_id, patches);
  await wakeFleet(tx, job_id);
  await announceJob(tx, job_id, { queued: hosts.length });
  const new_packages = [...new Set(hosts.flatMap((host) => host.new_packages ?? []))].sort();
  await appendFor(tx, context, {
    action: "job.create",
    object: { kind: "job", id: job_id },
    outcome: "success",
    details: {
      kind,
      immediate: true,
      hosts: hosts.map((host) => host.host_id),
      patches: [...new Set(patches.map((patch) => `${patch.name} ${patch.to_version}`))].sort(),
      patch_count: patches.length,
      security_only,
      reboot,
      ...(reboot === "never" ? {} : { reboot_delay_seconds }),
      ...(new_packages.length === 0 ? {} : { new_packages }),
      ...(order.original_job_id === null ? {} : { original_job: order.original_job_id }),
      reason,
      deadline: deadline_at.toString(),
      ...order.details,
    },
  });
  return { job_id, repeated: false, hosts: hosts.length, patches: patches.length, left_out };
}

/** Auditors read everything and change nothing; routes refuse them too. */
export function refuseAuditor(viewer: JobViewer): void {
  if (viewer.role === "auditor") throw new AppError("forbidden");
}

/** @throws AppError validation_failed for what is no value of an Idempotency-Key header */
export function checkKey(key: string | null): void {
  if (key === null || IdempotencyKey.safeParse(key).success) return;
  throw new AppError("validation_failed", {
    details: [{ field: "Idempotency-Key", problem: "is not 1 to 128 printable characters without spaces" }],
  });
}

/**
 * The job that the same person ordered with the same key before; null when there is none.
 * @throws AppError idempotency_conflict when it was another order
 */
export async function earlierJob(tx: Tx, viewer_id: string, idempotency: Idempotency): Promise<CreatedJob | null> {
  const earlier = await findByKey(tx, viewer_id, idempotency.key);
  if (!earlier) return null;
  if (earlier.hash.toHex() !== idempotency.hash.toHex()) throw new AppError("idempotency_conflict");
  return { job_id: earlier.id, repeated: true, hosts: 0, patches: 0, left_out: [] };
}

/** @throws AppError host_not_found, naming those that the viewer may not know of; locks the others against removal */
export async function mustSeeHosts(tx: Tx, viewer: JobViewer, asked: string[]): Promise<void> {
  const visible = await visibleAmong(tx, viewer.sees, asked);
  const details = asked.flatMap((id, index): Problem[] =>
    visible.has(id.toLowerCase()) ? [] : [{ field: `host_ids.${index}`, problem: "there is no such host" }]
  );
  if (details.length > 0) throw new AppError("host_not_found", { details: details.slice(0, 20) });
}

/** Turns what a schema found into words for the sender. */
export function fieldsRefused(issues: { path: PropertyKey[]; message: string }[]): AppError {
  const details = issues.slice(0, 20).map((issue): Problem => ({
    field: issue.path.join("."),
    problem: issue.message,
  }));
  return new AppError("validation_failed", { details });
}
