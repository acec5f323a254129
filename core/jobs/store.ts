import { z } from "zod";
import { type Db, many, maybe } from "../database/connection.ts";
import {
  hostStates,
  type JobKind,
  jobKinds,
  openStates,
  type RebootRule,
  rebootRules,
  type StateCounts,
} from "./types.ts";

const Id = z.object({ id: z.string() });

/** Tells the fleet role that there may be something to do. A hint: it reads slowly besides. */
export async function wakeFleet(db: Db, job_id: string): Promise<void> {
  await db`select pg_notify('wake_fleet', json_build_object('kind', 'job', 'id', ${job_id}::text)::text)`;
}

// Ordering -------------------------------------------------------------------------------------------------------

/** Those of the hosts that the viewer may know of, locked against removal until the transaction ends. */
export async function visibleAmong(db: Db, viewer_id: string, host_ids: string[]): Promise<Set<string>> {
  const rows = await many(
    Id,
    db`
      select h.id from hosts h join visible_hosts(${viewer_id}) v on v.host_id = h.id
      where h.id = any(${host_ids}::uuid[]) for share of h`,
  );
  return new Set(rows.map((row) => row.id));
}

const Offer = z.object({
  host_id: z.string(),
  name: z.string(),
  arch: z.string(),
  from_version: z.string().nullable(),
  to_version: z.string(),
  /** New packages that it brings along, as the host said. */
  new_dependencies: z.array(z.string()),
});
export type Offer = z.infer<typeof Offer>;

/** What the next apply would install on these hosts. */
export function installableOffers(
  db: Db,
  host_ids: string[],
  names: string[] | null,
  security_only: boolean,
): Promise<Offer[]> {
  return many(
    Offer,
    db`
      select hp.host_id, p.name, p.arch, hp.current_version as from_version, o.version as to_version,
        hp.new_dependencies
      from host_patches hp
      join packages p on p.id = hp.package_id
      join update_offers o on o.id = hp.offer_id
      where hp.host_id = any(${host_ids}::uuid[]) and hp.state = 'installable'
        and (${names}::text[] is null or p.name = any(${names}::text[]))
        and (not ${security_only} or o.security)
      order by hp.host_id, p.name, p.arch`,
  );
}

export interface NewJob {
  id: string;
  kind: JobKind;
  requested_by: string;
  requested_at: Temporal.Instant;
  reason: string;
  security_only: boolean;
  reboot: RebootRule;
  reboot_delay_seconds: number;
  deadline_at: Temporal.Instant;
  idempotency_key: string | null;
  idempotency_hash: Uint8Array | null;
  original_job_id: string | null;
}

/** False when the same person used the key before; waits for a transaction that is just doing so. */
export async function insertJob(db: Db, job: NewJob): Promise<boolean> {
  const rows = await many(
    Id,
    db`insert into patch_jobs ${db({ ...job })} on conflict (requested_by, idempotency_key) do nothing returning id`,
  );
  return rows.length === 1;
}

export function findByKey(db: Db, requested_by: string, key: string): Promise<{ id: string; hash: Uint8Array } | null> {
  return maybe(
    z.object({ id: z.string(), hash: z.instanceof(Uint8Array) }),
    db`
      select id, idempotency_hash as hash from patch_jobs
      where requested_by = ${requested_by} and idempotency_key = ${key}`,
  );
}

/** One host of an order, as it is kept. */
export interface JobHostOrder {
  host_id: string;
  run_id: string;
  new_packages: string[] | null;
  original_agent_job_id: string | null;
  /** How many packages are ordered on it. */
  ordered_patches: number;
}

/**
 * Writes the hosts of a job, and that it is now their last one where it can change them. The only place that does: the
 * dashboard reads the last job of every host and could not look for it each time. Hosts are taken in the order of their
 * ids, so that two orders for the same hosts wait for one another instead of each for the other.
 */
export async function insertJobHosts(
  db: Db,
  job: { id: string; kind: JobKind; deadline_at: Temporal.Instant },
  hosts: JobHostOrder[],
): Promise<void> {
  await db`
    with added as (
      insert into patch_job_hosts
        (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, new_packages, original_agent_job_id,
         ordered_patches)
      select ${job.id}, h.host_id, h.run_id, 'queued', moment.now, ${job.deadline_at}::timestamptz, moment.now,
        h.new_packages, h.original_agent_job_id, h.ordered_patches
      from (select app_now() as now offset 0) moment, jsonb_to_recordset(${db.json(hosts as never)})
        as h (host_id uuid, run_id uuid, new_packages text[], original_agent_job_id text, ordered_patches int)
      returning job_id, host_id, queued_at
    )
    insert into host_last_runs (host_id, job_id, queued_at)
    select host_id, job_id, queued_at from added where ${job.kind}::text <> 'dry_run' order by host_id
    on conflict (host_id) do update set job_id = excluded.job_id, queued_at = excluded.queued_at
    where (excluded.queued_at, excluded.job_id) > (host_last_runs.queued_at, host_last_runs.job_id)`;
}

/** Rows per statement: one statement with 100,000 rows would hold all of them as text twice. */
const CHUNK = 10_000;

/** One package of an order: what it is, and what it shall become. */
export interface OrderedPatch {
  host_id: string;
  name: string;
  arch: string;
  from_version: string | null;
  to_version: string | null;
  action: "upgrade" | "downgrade";
}

export async function insertOrderedPatches(db: Db, job_id: string, offers: OrderedPatch[]): Promise<void> {
  for (let at = 0; at < offers.length; at += CHUNK) {
    const part = offers.slice(at, at + CHUNK);
    await db`
      insert into patch_job_patches (job_id, host_id, name, arch, from_version, to_version, action, origin)
      select ${job_id}, o.*, 'ordered'
      from unnest(
        ${part.map((offer) => offer.host_id)}::uuid[], ${part.map((offer) => offer.name)}::text[],
        ${part.map((offer) => offer.arch)}::text[], ${part.map((offer) => offer.from_version)}::text[],
        ${part.map((offer) => offer.to_version)}::text[], ${part.map((offer) => offer.action)}::text[]
      ) as o`;
  }
}

// Jobs -----------------------------------------------------------------------------------------------------------

/** Locks the job's row, so that of two last hosts the second one sees the first. */
export async function lockJob(db: Db, job_id: string): Promise<void> {
  await db`select from patch_jobs where id = ${job_id} for no key update`;
}

export async function countStates(db: Db, job_id: string): Promise<StateCounts> {
  const rows = await many(
    z.object({ state: z.enum(hostStates), n: z.number() }),
    db`select state, count(*)::int as n from patch_job_hosts where job_id = ${job_id} group by state`,
  );
  return Object.fromEntries(rows.map((row) => [row.state, row.n]));
}

/**
 * Marks the job, whose hosts have all ended, as ended, and writes down what came of it: final states never change, so
 * nobody needs to count them again. False when it was ended before.
 */
export async function endJob(db: Db, job_id: string): Promise<boolean> {
  const rows = await db`
    with ended as (
      update patch_jobs set ended_at = app_now() where id = ${job_id} and ended_at is null returning id
    )
    insert into patch_job_results (job_id, state, hosts, patches, ended_at)
    select r.job_id, r.state, count(*), sum(r.ordered_patches), max(r.ended_at)
    from ended join patch_job_hosts r on r.job_id = ended.id
    group by r.job_id, r.state
    returning job_id`;
  return rows.length > 0;
}

/** Jobs without an open host that are not marked as ended, at most 100. */
export async function unendedJobs(db: Db): Promise<string[]> {
  const rows = await many(
    Id,
    db`
      select j.id from patch_jobs j
      where j.ended_at is null and not exists (
        select from patch_job_hosts r where r.job_id = j.id and r.state = any(${[...openStates]}::text[])
      )
      limit 100`,
  );
  return rows.map((row) => row.id);
}

// Cancelling and ordering again -----------------------------------------------------------------------------------

/** True when the viewer may know of at least one of the job's hosts. */
export async function visibleJob(db: Db, viewer_id: string, job_id: string): Promise<boolean> {
  const rows = await db`
    select from patch_job_hosts r join visible_hosts(${viewer_id}) v on v.host_id = r.host_id
    where r.job_id = ${job_id} limit 1`;
  return rows.length === 1;
}

/** Hosts of the job that the viewer may know of and that have not ended. */
export async function openRunsOf(db: Db, viewer_id: string, job_id: string): Promise<string[]> {
  const rows = await many(
    Id,
    db`
      select r.host_id as id from patch_job_hosts r join visible_hosts(${viewer_id}) v on v.host_id = r.host_id
      where r.job_id = ${job_id} and r.state = any(${[...openStates]}::text[]) order by r.host_id`,
  );
  return rows.map((row) => row.id);
}

export async function markCancelled(db: Db, job_id: string, user_id: string, reason: string): Promise<void> {
  await db`
    update patch_jobs set cancelled_at = app_now(), cancelled_by = ${user_id}, cancel_reason = ${reason}
    where id = ${job_id} and cancelled_at is null`;
}

const StoredOrder = z.object({
  kind: z.enum(jobKinds),
  reason: z.string(),
  security_only: z.boolean(),
  reboot: z.enum(rebootRules),
  reboot_delay_seconds: z.number(),
  ended: z.boolean(),
});

/** The settings of a job of which the viewer may know a host; null when there is none. */
export function orderOfJob(db: Db, viewer_id: string, job_id: string): Promise<z.infer<typeof StoredOrder> | null> {
  return maybe(
    StoredOrder,
    db`
      select kind, reason, security_only, reboot, reboot_delay_seconds, ended_at is not null as ended from patch_jobs
      where id = ${job_id} and exists (
        select from patch_job_hosts r join visible_hosts(${viewer_id}) v on v.host_id = r.host_id
        where r.job_id = ${job_id}
      )`,
  );
}

/** What was ordered and did not arrive, on hosts that failed or were missed. */
export function unfinishedOrders(
  db: Db,
  viewer_id: string,
  job_id: string,
): Promise<Omit<Offer, "new_dependencies">[]> {
  return many(
    Offer.omit({ new_dependencies: true }),
    db`
      select p.host_id, p.name, p.arch, p.from_version, p.to_version
      from patch_job_patches p
      join patch_job_hosts r on r.job_id = p.job_id and r.host_id = p.host_id
      join visible_hosts(${viewer_id}) v on v.host_id = p.host_id
      where p.job_id = ${job_id} and r.state in ('failed', 'missed') and p.origin = 'ordered'
        and p.outcome not in ('applied') and p.to_version is not null
      order by p.host_id, p.name, p.arch`,
  );
}
