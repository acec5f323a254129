import { z } from "zod";
import type { IssuedCertificate } from "../ca/types.ts";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { Enrolment, type Machine } from "./types.ts";

export async function insertToken(
  db: Db,
  token: {
    id: string;
    hash: Uint8Array;
    label: string;
    created_at: Temporal.Instant;
    created_by: string | null;
    expires_at: Temporal.Instant;
  },
  groupIds: string[],
): Promise<void> {
  await db`
    insert into enrolment_tokens (id, hash, label, created_at, created_by, expires_at)
    values (${token.id}, ${token.hash}, ${token.label}, ${token.created_at}, ${token.created_by}, ${token.expires_at})`;
  if (groupIds.length === 0) return;
  await db`
    insert into enrolment_token_groups (token_id, group_id)
    select ${token.id}::uuid, g from unnest(${groupIds}::uuid[]) g`;
}

/** Groups that the user may hand out: admins all, operators their own. */
export async function usableGroups(db: Db, viewer: string, ids: string[]): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.uuid() }),
    db`
      select g.id from groups g
      where g.id = any(${ids}::uuid[])
        and exists (
          select from who_sees(${viewer}) who
          where (who.group_ids is null or g.id = any(who.group_ids))
            and (
              who.role = 'admin'
              or exists (select from user_groups ug where ug.user_id = who.user_id and ug.group_id = g.id)
            )
        )`,
  );
  return rows.map((row) => row.id);
}

/** True for an API token that is limited to groups. */
export async function isLimitedToGroups(db: Db, viewer: string): Promise<boolean> {
  return (await db`select from who_sees(${viewer}) who where who.group_ids is not null`).length > 0;
}

/**
 * Burns a token: the one statement in which two machines meet, so one of them gets null. Answers its id and groups.
 */
export async function burnToken(
  db: Db,
  hash: Uint8Array,
  now: Temporal.Instant,
): Promise<{ id: string; group_ids: string[]; created_by: string | null } | null> {
  const token = await maybe(
    z.object({ id: z.uuid(), created_by: z.uuid().nullable() }),
    db`
      update enrolment_tokens set used_at = ${now}
      where hash = ${hash} and used_at is null and revoked_at is null and expires_at > ${now}
      returning id, created_by`,
  );
  return token && { ...token, group_ids: await tokenGroups(db, token.id) };
}

export async function tokenGroups(db: Db, tokenId: string | null): Promise<string[]> {
  if (tokenId === null) return [];
  const rows = await many(
    z.object({ group_id: z.uuid() }),
    db`select group_id from enrolment_token_groups where token_id = ${tokenId} order by 1`,
  );
  return rows.map((row) => row.group_id);
}

/** False when there is no such token or it was used or revoked before. */
export async function revokeToken(db: Db, id: string, now: Temporal.Instant): Promise<boolean> {
  const rows = await db`
    update enrolment_tokens set revoked_at = ${now}
    where id = ${id} and used_at is null and revoked_at is null returning id`;
  return rows.length === 1;
}

/** Serialises requests from one address (IPv6: one /64, which is one customer), so that their count is true. */
export async function lockSource(db: Db, source: string): Promise<void> {
  await db`
    select pg_advisory_xact_lock(hashtextextended(
      'enrolment ' || network(set_masklen(${source}::inet, case family(${source}::inet) when 6 then 64 else 32 end))::text, 0))`;
}

/** Requests without token since an instant: from the same address or /64, and waiting in all. */
export async function countRequests(
  db: Db,
  source: string,
  since: Temporal.Instant,
  now: Temporal.Instant,
): Promise<{ recent: number; pending: number }> {
  return await one(
    z.object({ recent: z.number(), pending: z.number() }),
    db`
      select
        count(*) filter (where created_at > ${since} and token_id is null and source_address <<=
          network(set_masklen(${source}::inet, case family(${source}::inet) when 6 then 64 else 32 end))::inet)::int as recent,
        count(*) filter (where state = 'pending' and expires_at > ${now})::int as pending
      from enrolments
      where created_at > ${since} or state = 'pending'`,
  );
}

/** Refusals of tokens that were written down for an address since an instant. */
export async function countRefusals(db: Db, source: string, since: Temporal.Instant): Promise<number> {
  const row = await one(
    z.object({ count: z.number() }),
    db`
      select count(*)::int as count from audit_log
      where action = 'enrolment.request' and at > ${since} and outcome = 'denied' and address = ${source}`,
  );
  return row.count;
}

/** A machine that asks again starts anew: its request before is over, so that nobody approves the wrong one. */
export async function expireEarlier(db: Db, machine: Machine): Promise<void> {
  await db`
    update enrolments set state = 'expired'
    where machine_hash = ${machine.machine_hash} and address = ${machine.address}::inet and port = ${machine.port}
      and state = 'pending'`;
}

export async function insertEnrolment(
  db: Db,
  row: Machine & {
    id: string;
    polling_hash: Uint8Array;
    hostname: string | null;
    os_details: unknown;
    csr: string | null;
    source_address: string;
    token_id: string | null;
    clone_of: string | null;
    created_at: Temporal.Instant;
    expires_at: Temporal.Instant;
  },
): Promise<void> {
  await db`
    insert into enrolments
      (id, polling_hash, machine_hash, fqdn, address, port, hostname, os_details, csr, source_address, token_id, state,
       clone_of, created_at, expires_at)
    values
      (${row.id}, ${row.polling_hash}, ${row.machine_hash}, ${row.fqdn}, ${row.address}, ${row.port}, ${row.hostname},
       ${db.json(row.os_details as never)}, ${row.csr}, ${row.source_address}, ${row.token_id}, 'pending',
       ${row.clone_of}, ${row.created_at}, ${row.expires_at})`;
}

/** By id, under a lock: of two people who decide at once the second finds it decided. */
export function lockEnrolment(db: Db, id: string): Promise<Enrolment | null> {
  return maybe(
    Enrolment,
    db`
      select e.id, e.machine_hash, e.fqdn, host(e.address) as address, e.port, e.csr, e.state, e.token_id, e.clone_of, e.host_id,
        c.pem as certificate_pem, e.expires_at
      from enrolments e left join certificates c on c.id = e.certificate_id
      where e.id = ${id} for update of e`,
  );
}

/** By the token that the agent polls with, under a lock: it is answered "approved" once. */
export function lockPolled(db: Db, pollingHash: Uint8Array): Promise<Enrolment | null> {
  return maybe(
    Enrolment,
    db`
      select e.id, e.machine_hash, e.fqdn, host(e.address) as address, e.port, e.csr, e.state, e.token_id, e.clone_of, e.host_id,
        c.pem as certificate_pem, e.expires_at
      from enrolments e left join certificates c on c.id = e.certificate_id
      where e.polling_hash = ${pollingHash} for update of e`,
  );
}

/**
 * May this user decide it? Admins all; an operator those that join a group of theirs and those that join none; an
 * auditor sees and does not decide. An API token that is limited to groups: those that join one of them.
 */
export async function mayDecide(db: Db, viewer: string, tokenId: string | null): Promise<boolean> {
  const rows = await db`
    select from who_sees(${viewer}) who
    where (
        who.group_ids is null
        or exists (
          select from enrolment_token_groups tg where tg.token_id = ${tokenId}::uuid and tg.group_id = any(who.group_ids)
        )
      )
      and (
        who.role = 'admin'
        or who.role = 'operator' and (
          not exists (select from enrolment_token_groups tg where tg.token_id = ${tokenId}::uuid)
          or exists (
            select from enrolment_token_groups tg join user_groups ug on ug.group_id = tg.group_id
            where tg.token_id = ${tokenId}::uuid and ug.user_id = who.user_id
          )
        )
      )`;
  return rows.length === 1;
}

export async function decide(
  db: Db,
  id: string,
  decision: {
    state: "approved" | "denied";
    at: Temporal.Instant;
    by: string | null;
    host_id: string | null;
    certificate_id: string | null;
  },
): Promise<void> {
  await db`
    update enrolments set state = ${decision.state}, decided_at = ${decision.at}, decided_by = ${decision.by},
      host_id = ${decision.host_id}, certificate_id = ${decision.certificate_id}
    where id = ${id}`;
}

export async function markCollected(
  db: Db,
  id: string,
  at: Temporal.Instant,
  certificateId: string | null,
): Promise<void> {
  await db`
    update enrolments set state = 'collected', collected_at = ${at}, certificate_id = coalesce(${certificateId}::uuid, certificate_id)
    where id = ${id}`;
}

/** What the certificate must be for: the host's own record, as it is now. */
export function selectNames(
  db: Db,
  hostId: string,
): Promise<{ fqdn: string; address: string; tls_name: string; removed: boolean }> {
  return one(
    z.object({ fqdn: z.string(), address: z.string(), tls_name: z.string(), removed: z.boolean() }),
    db`
      select fqdn, host(address) as address, tls_name, removed_at is not null as removed from hosts where id = ${hostId}`,
  );
}

export async function insertCertificate(
  db: Db,
  id: string,
  hostId: string,
  certificate: IssuedCertificate,
  at: Temporal.Instant,
  by: string | null,
): Promise<void> {
  await db`
    insert into certificates
      (id, kind, serial, fingerprint, subject, names, pem, host_id, not_before, not_after, issued_at, issued_by)
    values
      (${id}, 'agent', ${certificate.serial}, ${certificate.fingerprint}, ${"CN=" + certificate.common_name},
       ${[...certificate.dns, ...certificate.addresses]}::text[], ${certificate.certificate_pem}, ${hostId},
       ${certificate.not_before}, ${certificate.not_after}, ${at}, ${by})`;
  await db`update hosts set certificate_expires_at = ${certificate.not_after} where id = ${hostId}`;
}

/** From now on the machine can answer: it is asked soon. */
export async function pollSoon(db: Db, hostId: string, at: Temporal.Instant): Promise<void> {
  await db`update host_polls set next_at = ${at} where host_id = ${hostId} and next_at > ${at}`;
  await db`select pg_notify('wake_fleet', ${JSON.stringify({ kind: "poll", id: hostId })}::text)`;
}

/** True when the machine said of itself that it is a simulated one. */
export async function saysSimulated(db: Db, id: string): Promise<boolean> {
  const [row] = await db`select os_details ->> 'simulated' = 'true' as simulated from enrolments where id = ${id}`;
  return row?.simulated === true;
}
