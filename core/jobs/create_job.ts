import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import type { Viewer } from "../auth/types.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { AppError, type Problem } from "../errors.ts";
import { sha256, uuidv7 } from "../ids.ts";
import { announceJob } from "./announce.ts";
import { defaultDeadlineMinutes } from "./rules.ts";
import {
  findByKey,
  insertJob,
  insertJobHosts,
  insertOrderedPatches,
  installableOffers,
  type Offer,
  visibleAmong,
  wakeFleet,
} from "./store.ts";
import { IdempotencyKey, JobOrder, type JobOrderInput } from "./types.ts";

/** The caller, as far as jobs ask. */
export type JobViewer = Pick<Viewer, "id" | "role">;

export interface CreatedJob {
  job_id: string;
  /** True when the same Idempotency-Key made the job earlier: nothing was done now, and the rest says nothing. */
  repeated: boolean;
  /** Hosts that the job has. */
  hosts: number;
  /** Patches ordered, over all hosts. */
  patches: number;
  /** Chosen hosts that have nothing to install of what was ordered; they are not part of the job. */
  left_out: string[];
}

/**
 * Makes a job of what is installable on the chosen hosts now, in exactly the versions that are on offer, and wakes
 * the fleet role. The host will refuse any other version.
 *
 * The hosts are not rebooted: `reboot: "needed"` is refused until a job can watch the host go and come back.
 * @param input what a person or client sent; checked here.
 * @param key value of the Idempotency-Key header: the same key with the same order is the same job.
 * @throws AppError validation_failed, forbidden (auditor), host_not_found (also for hosts out of scope),
 *   nothing_to_do, conflict (another version is on offer than the one named), idempotency_conflict
 */
export async function createJob(
  sql: Sql,
  viewer: JobViewer,
  input: JobOrderInput,
  key: string | null,
  context: Context,
): Promise<CreatedJob> {
  refuseAuditor(viewer);
  const order = readOrder(input);
  if (key !== null && !IdempotencyKey.safeParse(key).success) {
    throw new AppError("validation_failed", {
      details: [{ field: "Idempotency-Key", problem: "is not 1 to 128 printable characters without spaces" }],
    });
  }
  const host_ids = [...new Set(order.host_ids.map((id) => id.toLowerCase()))].sort();
  const idempotency = key === null ? null : { key, hash: await orderHash({ ...order, host_ids }) };
  return await transaction(sql, async (tx) => {
    const earlier = idempotency && await earlierJob(tx, viewer.id, idempotency);
    if (earlier) return earlier;
    const visible = await visibleAmong(tx, viewer.id, host_ids);
    if (visible.size < host_ids.length) throw unknownHosts(order.host_ids, visible);
    const names = order.packages && [...new Set(order.packages.map((one) => one.name))];
    const offers = await installableOffers(tx, host_ids, names, order.security_only);
    refuseOtherVersions(order, offers);
    return await placeOrder(tx, viewer, { ...order, host_ids, offers, idempotency }, context);
  });
}

/** An order whose hosts and exact versions are settled. */
export interface SettledOrder extends Omit<JobOrder, "packages"> {
  offers: Offer[];
  idempotency: { key: string; hash: Uint8Array } | null;
  /** The job whose failed hosts this one tries again. */
  retry_of?: string;
}

/** Writes the job and everything that belongs to it; the audit row is the last statement. */
export async function placeOrder(
  tx: Tx,
  viewer: JobViewer,
  order: SettledOrder,
  context: Context,
): Promise<CreatedJob> {
  if (order.offers.length === 0) throw new AppError("nothing_to_do");
  const { kind, reason, security_only, reboot, idempotency, offers } = order;
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
    deadline_at,
    idempotency_key: idempotency?.key ?? null,
    idempotency_hash: idempotency?.hash ?? null,
  });
  if (!inserted) return (await earlierJob(tx, viewer.id, idempotency!))!;
  const with_work = [...new Set(offers.map((offer) => offer.host_id))];
  const working = new Set(with_work);
  const left_out = order.host_ids.filter((id) => !working.has(id));
  const hosts = with_work.map((host_id) => ({ host_id, run_id: uuidv7(context.clock) }));
  await insertJobHosts(tx, { id: job_id, deadline_at }, hosts);
  await insertOrderedPatches(tx, job_id, offers);
  await wakeFleet(tx, job_id);
  await announceJob(tx, job_id, { queued: hosts.length });
  await appendFor(tx, context, {
    action: "job.create",
    object: { kind: "job", id: job_id },
    outcome: "success",
    details: {
      kind,
      immediate: true,
      hosts: with_work,
      patches: [...new Set(offers.map((offer) => `${offer.name} ${offer.to_version}`))].sort(),
      patch_count: offers.length,
      security_only,
      reboot,
      reason,
      deadline: deadline_at.toString(),
      ...(order.retry_of ? { retry_of: order.retry_of } : {}),
    },
  });
  return { job_id, repeated: false, hosts: hosts.length, patches: offers.length, left_out };
}

/** Auditors read everything and change nothing; routes refuse them too. */
export function refuseAuditor(viewer: JobViewer): void {
  if (viewer.role === "auditor") throw new AppError("forbidden");
}

function readOrder(input: JobOrderInput): JobOrder {
  const parsed = JobOrder.safeParse(input);
  if (!parsed.success) {
    const details = parsed.error.issues.slice(0, 20).map((issue): Problem => ({
      field: issue.path.join("."),
      problem: issue.message,
    }));
    throw new AppError("validation_failed", { details });
  }
  if (parsed.data.reboot === "needed") {
    throw new AppError("validation_failed", {
      details: [{
        field: "reboot",
        problem: "jobs cannot reboot hosts yet",
        hint: 'Order with "never" and reboot the host yourself; its page says when a reboot is due.',
      }],
    });
  }
  return parsed.data;
}

/** Everything that decides what the job does: a different hash under the same key is a different order. */
function orderHash(order: JobOrder): Promise<Uint8Array> {
  const packages = order.packages?.map((one) => [one.name, one.version ?? null]) ?? null;
  packages?.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  const { kind, host_ids, security_only, reboot, reason, deadline_minutes = null } = order;
  return sha256(JSON.stringify([kind, host_ids, packages, security_only, reboot, reason, deadline_minutes]));
}

async function earlierJob(
  tx: Tx,
  viewer_id: string,
  idempotency: { key: string; hash: Uint8Array },
): Promise<CreatedJob | null> {
  const earlier = await findByKey(tx, viewer_id, idempotency.key);
  if (!earlier) return null;
  if (earlier.hash.toHex() !== idempotency.hash.toHex()) throw new AppError("idempotency_conflict");
  return { job_id: earlier.id, repeated: true, hosts: 0, patches: 0, left_out: [] };
}

function unknownHosts(asked: string[], visible: Set<string>): AppError {
  const details = asked.flatMap((id, index): Problem[] =>
    visible.has(id.toLowerCase()) ? [] : [{ field: `host_ids.${index}`, problem: "there is no such host" }]
  );
  return new AppError("host_not_found", { details: details.slice(0, 20) });
}

/** What a person saw must be what is installed: no name may have moved on to a version that the order does not name. */
function refuseOtherVersions(order: JobOrder, offers: Offer[]): void {
  if (order.packages === null) return;
  const wanted = new Map<string, { index: number; versions: Set<string> | null }>();
  order.packages.forEach(({ name, version }, index) => {
    const entry = wanted.get(name) ?? { index, versions: new Set<string>() };
    if (version === undefined) entry.versions = null;
    else entry.versions?.add(version);
    wanted.set(name, entry);
  });
  const details = new Map<string, Problem>();
  for (const { name, to_version } of offers) {
    const { index, versions } = wanted.get(name)!;
    if (versions === null || versions.has(to_version)) continue;
    details.set(`${name} ${to_version}`, {
      field: `packages.${index}.version`,
      problem: `${name} is on offer as ${to_version} now, not as ${[...versions].join(" or ")}`,
      hint: "Reload, look at the new version, then order again.",
    });
  }
  if (details.size === 0) return;
  throw new AppError("conflict", {
    message: "Other versions are on offer than the ones you saw.",
    hint: "Reload, look at what is on offer now, then order again.",
    details: [...details.values()].slice(0, 20),
  });
}
