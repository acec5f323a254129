import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError, type Problem } from "../errors.ts";
import { sha256 } from "../ids.ts";
import { PackageName } from "../../protocol/api.ts";
import {
  checkKey,
  type CreatedJob,
  earlierJob,
  fieldsRefused,
  type HostOrder,
  type JobViewer,
  mustSeeHosts,
  placeJob,
  refuseAuditor,
} from "./place_job.ts";
import { installableOffers, type Offer } from "./store.ts";
import { type JobKind, JobOrder, type JobOrderInput } from "./types.ts";

export type { CreatedJob, JobViewer } from "./place_job.ts";

/**
 * Makes a job of what is installable on the chosen hosts now, in exactly the versions that are on offer, and wakes
 * the fleet role. The host will refuse any other version.
 *
 * With `reboot` the host restarts afterwards, and the job watches it go and come back.
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
  checkKey(key);
  const host_ids = [...new Set(order.host_ids.map((id) => id.toLowerCase()))].sort();
  const idempotency = key === null ? null : { key, hash: await orderHash({ ...order, host_ids }) };
  return await transaction(sql, async (tx) => {
    const earlier = idempotency && await earlierJob(tx, viewer.id, idempotency);
    if (earlier) return earlier;
    await mustSeeHosts(tx, viewer, order.host_ids);
    const names = order.packages && [...new Set(order.packages.map((one) => one.name))];
    const unwanted = new Set(order.except.map(versionKey));
    const installable = await installableOffers(tx, host_ids, names, order.security_only);
    const offers = installable.filter(({ name, to_version }) =>
      !unwanted.has(versionKey({ name, version: to_version }))
    );
    refuseOtherVersions(order, offers);
    const hosts = hostsOf(order.kind, offers);
    const working = new Set(hosts.map((host) => host.host_id));
    const left_out = host_ids.filter((id) => !working.has(id));
    const patches = offers.map((offer) => ({ ...offer, action: "upgrade" as const }));
    const { kind, reason, security_only, reboot, reboot_delay_seconds, deadline_minutes } = order;
    return await placeJob(tx, viewer, {
      ...{ kind, reason, security_only, reboot, reboot_delay_seconds, deadline_minutes, hosts, patches, left_out },
      ...{ idempotency, original_job_id: null },
    }, context);
  });
}

function readOrder(input: JobOrderInput): JobOrder {
  const parsed = JobOrder.safeParse(input);
  if (!parsed.success) throw fieldsRefused(parsed.error.issues);
  const order = parsed.data;
  const named = new Set(order.packages?.map(versionKey));
  const index = order.except.findIndex((one) => named.has(versionKey(one)));
  if (index < 0) return order;
  throw new AppError("validation_failed", {
    details: [{
      field: `except.${index}`,
      problem: `${order.except[index].name} ${order.except[index].version} is wanted and left out at once`,
      hint: "Name it in packages or in except.",
    }],
  });
}

/** Names hold no space. */
const versionKey = ({ name, version = "" }: { name: string; version?: string }) => `${name} ${version}`;

/** Hosts with something to install, each with the new packages that its updates were seen to bring along. */
export function hostsOf(kind: JobKind, offers: Offer[]): HostOrder[] {
  const brought = new Map<string, Set<string>>();
  for (const { host_id, new_dependencies } of offers) {
    const names = brought.get(host_id) ?? new Set();
    // A name that no order may carry cannot have been approved either: the host will refuse it by name.
    for (const name of new_dependencies) if (PackageName.safeParse(name).success) names.add(name);
    brought.set(host_id, names);
  }
  return [...brought].map(([host_id, names]) => ({
    host_id,
    // A dry run is there to show what would come along.
    new_packages: kind === "dry_run" ? null : [...names].sort(),
    original_agent_job_id: null,
  }));
}

/** Everything that decides what the job does: a different hash under the same key is a different order. */
function orderHash(order: JobOrder): Promise<Uint8Array> {
  const packages = order.packages?.map((one) => [one.name, one.version ?? null]) ?? null;
  packages?.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  const { kind, host_ids, security_only, reboot, reason, deadline_minutes = null } = order;
  // Named only where they count, so that keys of before these fields still name the same order.
  const delay = reboot === "never" ? [] : [order.reboot_delay_seconds];
  const except = order.except.length === 0 ? [] : [{ except: order.except.map(versionKey).sort() }];
  const all = [kind, host_ids, packages, security_only, reboot, reason, deadline_minutes, ...delay, ...except];
  return sha256(JSON.stringify(all));
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
