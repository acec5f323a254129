import { z } from "zod";
import type { Db } from "../database/types.ts";
import { many, maybe } from "../database/rows.ts";
import { ExistingHost, type HostEndpoint, HostSummary } from "./types.ts";

/** Serialises what makes or removes hosts, so that a duplicate is named instead of a broken index. */
const REGISTRATION_LOCK = 7204510336003;

export async function lockRegistration(db: Db): Promise<void> {
  await db`select pg_advisory_xact_lock(${REGISTRATION_LOCK})`;
}

/** Hosts that have one of these in common with a new one, whoever may see them. */
export function selectExisting(
  db: Db,
  seen: { fqdn: string; address: string; port: number; machine_hash: string | null },
): Promise<ExistingHost[]> {
  return many(
    ExistingHost,
    db`
      select id, fqdn, host(address) as address, port, display_name, machine_hash
      from hosts
      where removed_at is null
        and (
          (address = ${seen.address}::inet and port = ${seen.port})
          or lower(fqdn) = ${seen.fqdn.toLowerCase()}
          or machine_hash = ${seen.machine_hash}
        )
      order by created_at`,
  );
}

export async function insertHost(
  db: Db,
  host: HostEndpoint & {
    id: string;
    display_name: string;
    machine_hash: string | null;
    source: "manual" | "enrolment";
    simulated: boolean;
    notes: string;
    tags: string[];
    created_at: Temporal.Instant;
    created_by: string | null;
  },
): Promise<void> {
  await db`
    insert into hosts
      (id, fqdn, address, port, tls_name, display_name, machine_hash, source, simulated, health_since, notes, tags,
       created_at, created_by)
    values
      (${host.id}, ${host.fqdn}, ${host.address}, ${host.port}, ${host.tls_name}, ${host.display_name},
       ${host.machine_hash}, ${host.source}, ${host.simulated}, ${host.created_at}, ${host.notes},
       ${host.tags}::text[], ${host.created_at}, ${host.created_by})`;
  // Every host has its rows from the start, so that no report has to make them while others do the same.
  await db`insert into host_patch_data (host_id) values (${host.id})`;
  await db`insert into host_counters (host_id) values (${host.id})`;
}

export async function insertPolls(db: Db, hostId: string, nextAt: Temporal.Instant): Promise<void> {
  await db`
    insert into host_polls (host_id, kind, next_at) values (${hostId}, 'health', ${nextAt}), (${hostId}, 'patches', ${nextAt})`;
}

/** Groups that exist among the given; those of the viewer only, unless an admin asks. */
export async function selectUsableGroups(db: Db, viewer: string | null, ids: string[]): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.uuid() }),
    db`
      select g.id from groups g
      where g.id = any(${ids}::uuid[])
        and (
          ${viewer}::uuid is null
          or exists (
            select from who_sees(${viewer}::uuid) who
            where (who.group_ids is null or g.id = any(who.group_ids))
              and (
                who.role = 'admin'
                or exists (select from user_groups ug where ug.user_id = who.user_id and ug.group_id = g.id)
              )
          )
        )`,
  );
  return rows.map((row) => row.id);
}

export async function insertMemberships(db: Db, hostId: string, groupIds: string[]): Promise<void> {
  if (groupIds.length === 0) return;
  await db`
    insert into host_groups (host_id, group_id)
    select ${hostId}, g from unnest(${groupIds}::uuid[]) g on conflict do nothing`;
}

export function selectVisible(db: Db, viewer: string, hostId: string): Promise<HostSummary | null> {
  return maybe(
    HostSummary,
    db`
      select h.id, h.fqdn, host(h.address) as address, h.port, h.tls_name, h.display_name, h.simulated, h.source, h.health,
        h.health_reason, h.created_at
      from hosts h join visible_hosts(${viewer}) v on v.host_id = h.id
      where h.id = ${hostId}`,
  );
}

/** Those of the given hosts that the viewer may see. */
export async function selectVisibleIds(db: Db, viewer: string, hostIds: string[]): Promise<string[]> {
  const rows = await many(
    z.object({ host_id: z.uuid() }),
    db`select v.host_id from visible_hosts(${viewer}) v where v.host_id = any(${hostIds}::uuid[]) order by 1`,
  );
  return rows.map((row) => row.host_id);
}

/** False when somebody was faster. */
export async function markRemoved(db: Db, hostId: string, at: Temporal.Instant, by: string | null): Promise<boolean> {
  const rows = await db`
    update hosts set removed_at = ${at}, removed_by = ${by} where id = ${hostId} and removed_at is null returning id`;
  return rows.length === 1;
}

export async function deletePolls(db: Db, hostId: string): Promise<void> {
  await db`delete from host_polls where host_id = ${hostId}`;
}

/** Serials of the certificates that were revoked by this. */
export async function revokeCertificates(db: Db, hostId: string, at: Temporal.Instant): Promise<string[]> {
  const rows = await many(
    z.object({ serial: z.string() }),
    db`
      update certificates set revoked_at = ${at}, revoked_reason = 'cessation_of_operation'
      where host_id = ${hostId} and kind = 'agent' and revoked_at is null
      returning serial`,
  );
  return rows.map((row) => row.serial).sort();
}
