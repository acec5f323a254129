import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { HealthRecord, type HostFacts } from "./types.ts";

const ObservedRow = HealthRecord.extend({
  os_id: z.string().nullable(),
  os_name: z.string().nullable(),
  os_version: z.string().nullable(),
  kernel: z.string().nullable(),
  architecture: z.string().nullable(),
  package_manager: z.string().nullable(),
  virtualization: z.string().nullable(),
  agent_name: z.string().nullable(),
  agent_version: z.string().nullable(),
  boot_id: z.string().nullable(),
  boot_time: z.instanceof(Temporal.Instant).nullable(),
  reboot_required: z.boolean(),
  reboot_reasons: z.array(z.string()),
  certificate_expires_at: z.instanceof(Temporal.Instant).nullable(),
  simulated: z.boolean(),
});
export type ObservedRow = z.infer<typeof ObservedRow>;
const COLUMNS = Object.keys(ObservedRow.shape) as (keyof ObservedRow)[];

const ObservedHost = ObservedRow.extend({
  id: z.uuid(),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  /** What the machine called itself when it was enrolled; null where it was registered by hand. */
  machine_hash: z.string().nullable(),
});
/** What polls know of a host, and what it is known by. */
export type ObservedHost = z.infer<typeof ObservedHost>;

/**
 * What polls know of hosts, under locks, so that two polls of one host judge one after the other. Removed ones are left
 * out. Everybody takes the locks in the order of ids.
 *
 * @param options.free_only leaves out whoever is locked by somebody else, or whose report is, instead of waiting: for
 * work on many hosts, which must not stand still for one of them
 */
export async function lockObserved(
  db: Db,
  hostIds: string[],
  options: { free_only: boolean },
): Promise<Map<string, ObservedHost>> {
  const rows = await many(
    ObservedHost,
    db`
      select h.id, h.fqdn, host(h.address) as address, h.port, h.machine_hash, h.health, h.health_since, h.health_reason,
        h.not_answering_since, h.os_id, h.os_name, h.os_version, h.kernel, h.architecture, h.package_manager,
        h.virtualization, h.agent_name, h.agent_version, h.boot_id, h.boot_time, h.reboot_required, h.reboot_reasons,
        h.certificate_expires_at, h.simulated
      from hosts h join host_patch_data d on d.host_id = h.id
      where h.id = any(${hostIds}::uuid[]) and h.removed_at is null
      order by h.id
      for no key update of ${options.free_only ? db`h, d skip locked` : db`h`}`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Writes only the columns that changed, and nothing when none did. Answers their names. */
export async function updateObserved(
  db: Db,
  hostId: string,
  before: ObservedRow,
  after: HealthRecord & HostFacts,
): Promise<(keyof ObservedRow)[]> {
  const changed = COLUMNS.filter((key) => after[key] !== undefined && String(after[key]) !== String(before[key]));
  if (changed.length > 0) await db`update hosts set ${db(after as never, ...changed as never[])} where id = ${hostId}`;
  return changed;
}
