import { z } from "zod";
import { many, maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";

export const renewalStates = ["due", "requested", "signed", "installed", "manual"] as const;
export type RenewalState = typeof renewalStates[number];

const instant = z.instanceof(Temporal.Instant);

/** The newest certificate of a host, where more than half of its lifetime has passed. */
const Ageing = z.object({
  id: z.string(),
  host_id: z.string(),
  serial: z.string(),
  not_before: instant,
  not_after: instant,
});

/** Newest certificates that may be due and are not being renewed yet. */
export function selectAgeing(db: Db, now: Temporal.Instant): Promise<z.infer<typeof Ageing>[]> {
  return many(
    Ageing,
    db`
      select c.id, c.host_id, c.serial, c.not_before, c.not_after
      from (
        select distinct on (host_id) * from certificates where kind = 'agent' and revoked_at is null
        order by host_id, issued_at desc, id desc
      ) c
      join hosts h on h.id = c.host_id and h.removed_at is null
      where c.not_before + (c.not_after - c.not_before) / 2 < ${now}
        and not exists (select from certificate_renewals r where r.host_id = c.host_id)
      order by c.not_after`,
  );
}

export async function insertDue(db: Db, due: { host_id: string; id: string }[], now: Temporal.Instant): Promise<void> {
  await db`
    insert into certificate_renewals (host_id, state, old_certificate_id, next_at, changed_at)
    select d.host_id, 'due', d.certificate_id, ${now}, ${now}
    from unnest(${due.map((one) => one.host_id)}::uuid[], ${due.map((one) => one.id)}::uuid[])
      as d (host_id, certificate_id)
    on conflict (host_id) do nothing`;
}

/** Renewals that mean nothing any more: the host was removed, or got another certificate by enrolling again. */
export async function deleteStale(db: Db): Promise<number> {
  const rows = await db`
    delete from certificate_renewals r
    where exists (select from hosts h where h.id = r.host_id and h.removed_at is not null)
      or r.state <> 'installed' and exists (
        select from certificates c join certificates old on old.id = r.old_certificate_id
        where c.host_id = r.host_id and c.kind = 'agent' and c.issued_at > old.issued_at
          and c.id is distinct from r.certificate_id and c.revoked_at is null
      )
    returning host_id`;
  return rows.length;
}

/** Tells the fleet role that something is due. A hint only: it looks by itself. */
export async function wakeFleet(db: Db, wake: { kind: "renewal" | "crl"; id: string }): Promise<void> {
  await db`select pg_notify('wake_fleet', ${JSON.stringify(wake)}::text)`;
}

const Requested = z.object({
  host_id: z.string(),
  fqdn: z.string(),
  csr: z.string(),
  attempts: z.number(),
  serial: z.string(),
  not_before: instant,
  not_after: instant,
  revoked: z.boolean(),
});

/** One request that waits for a signature, locked; null when there is none. */
export function lockRequested(db: Db): Promise<z.infer<typeof Requested> | null> {
  return maybe(
    Requested,
    db`
      select r.host_id, h.fqdn, r.csr, r.attempts, c.serial, c.not_before, c.not_after,
        c.revoked_at is not null as revoked
      from certificate_renewals r
      join hosts h on h.id = r.host_id and h.removed_at is null
      join certificates c on c.id = r.old_certificate_id
      where r.state = 'requested' and r.csr is not null
      order by r.changed_at limit 1
      for update of r skip locked`,
  );
}

/** A certificate that was made for an earlier request and that the host did not take: nobody shows it. */
export async function revokeUnused(db: Db, host_id: string, now: Temporal.Instant): Promise<void> {
  await db`
    update certificates c set revoked_at = ${now}, revoked_reason = 'superseded'
    from certificate_renewals r
    where r.host_id = ${host_id} and c.id = r.certificate_id and c.revoked_at is null`;
}

export async function saveSigned(
  db: Db,
  host_id: string,
  certificate: { id: string; pem: string; not_after: Temporal.Instant },
  shown_until: Temporal.Instant,
  now: Temporal.Instant,
): Promise<void> {
  await db`
    update certificate_renewals
    set state = 'signed', certificate_id = ${certificate.id}, certificate_pem = ${certificate.pem},
      not_after = ${certificate.not_after}, error = null, next_at = ${now}, lease_until = null, changed_at = ${now}
    where host_id = ${host_id}`;
  // Until the host shows the new one, what ends is the old one.
  await db`update hosts set certificate_expires_at = ${shown_until} where id = ${host_id}`;
}

const Installed = z.object({
  host_id: z.string(),
  fqdn: z.string(),
  old_certificate_id: z.string(),
  old_serial: z.string(),
  certificate_id: z.string(),
  serial: z.string(),
  not_after: instant,
});

/** One renewal that the host has taken, locked; null when there is none. */
export function lockInstalled(db: Db): Promise<z.infer<typeof Installed> | null> {
  return maybe(
    Installed,
    db`
      select r.host_id, h.fqdn, r.old_certificate_id, old.serial as old_serial, r.certificate_id, c.serial, c.not_after
      from certificate_renewals r
      join hosts h on h.id = r.host_id
      join certificates old on old.id = r.old_certificate_id
      join certificates c on c.id = r.certificate_id
      where r.state = 'installed'
      limit 1
      for update of r skip locked`,
  );
}

export async function retire(db: Db, renewal: z.infer<typeof Installed>): Promise<void> {
  await db`update certificates set replaced_by = ${renewal.certificate_id} where id = ${renewal.old_certificate_id}`;
  await db`delete from certificate_renewals where host_id = ${renewal.host_id}`;
}

// The fleet role's side ------------------------------------------------------------------------------------------

const Claimed = z.object({
  host_id: z.string(),
  state: z.enum(["due", "signed", "manual"]),
  attempts: z.number(),
  certificate_pem: z.string().nullable(),
  not_after: instant.nullable(),
  crl_pem: z.string().nullable(),
  address: z.string(),
  port: z.number(),
  tls_name: z.string(),
});
/** A renewal whose host is to be talked to, with how to reach it. */
export type ClaimedRenewal = z.infer<typeof Claimed>;

/** Takes due renewals, oldest first; nobody else gets them until the lease ends. */
export function claim(db: Db, limit: number, lease_ms: number): Promise<ClaimedRenewal[]> {
  return many(
    Claimed,
    db`
      with due as (
        select r.host_id from certificate_renewals r join hosts h on h.id = r.host_id and h.removed_at is null
        where r.state in ('due', 'signed', 'manual') and r.next_at <= app_now()
          and (r.lease_until is null or r.lease_until <= app_now())
        order by r.next_at limit ${limit}
        for update of r skip locked
      )
      update certificate_renewals r
      set lease_until = app_now() + make_interval(secs => ${lease_ms / 1_000})
      from due join hosts h on h.id = due.host_id
      where r.host_id = due.host_id
      returning r.host_id, r.state, r.attempts, r.certificate_pem, r.not_after,
        (select l.crl_pem from revocation_list l) as crl_pem, host(h.address) as address, h.port, h.tls_name`,
  );
}

/** Moves a claimed renewal on. False when somebody else did meanwhile. */
export async function move(
  db: Db,
  renewal: Pick<ClaimedRenewal, "host_id" | "state">,
  to: RenewalState,
  step: { csr?: string; attempts: number; error: string | null; next_in_seconds: number },
): Promise<boolean> {
  const rows = await db`
    update certificate_renewals
    set state = ${to}, csr = ${step.csr ?? null}, attempts = ${step.attempts}, error = ${step.error},
      next_at = app_now() + make_interval(secs => ${step.next_in_seconds}), lease_until = null, changed_at = app_now()
    where host_id = ${renewal.host_id} and state = ${renewal.state}
    returning host_id`;
  return rows.length === 1;
}

/** The same for the web role, which refuses a request. */
export async function refuse(db: Db, host_id: string, attempts: number, error: string, seconds: number): Promise<void> {
  await db`
    update certificate_renewals
    set state = 'due', csr = null, attempts = ${attempts}, error = ${error}, lease_until = null,
      next_at = app_now() + make_interval(secs => ${seconds}), changed_at = app_now()
    where host_id = ${host_id}`;
}
