import { z } from "zod";
import type { Db } from "../database/types.ts";
import { many } from "../database/rows.ts";
import { ClaimedPoll, type PollKind, pollKinds } from "./types.ts";

/** How many polls a caller takes at once. */
export interface ClaimRoom {
  /** All in all. */
  limit: number;
  /** Of those that nobody asked for. */
  unasked: number;
  /** Of these, of hosts that did not answer last. */
  failing: number;
}

/**
 * Takes due polls for this caller. What a person asked for goes first, until it was tried once; then health
 * before patches, because it tells which hosts are lost. Rows that another worker is taking at this moment are skipped,
 * not waited for.
 */
export function claimPolls(db: Db, room: ClaimRoom, leaseMs: number): Promise<ClaimedPoll[]> {
  const asked = db`(
    p.requested_at is not null and (p.last_ok_at is null or p.requested_at > p.last_ok_at)
    and (p.failures = 0 or p.last_at <= p.requested_at)
  )`;
  const due = (which: typeof asked, limit: number) =>
    db`
      select p.host_id, p.kind, p.next_at, ${asked} as asked
      from host_polls p join hosts h on h.id = p.host_id
      where h.removed_at is null and p.parked_reason is null
        and p.next_at <= app_now()
        and (p.lease_until is null or p.lease_until < app_now())
        and ${which}
      order by p.kind, p.next_at
      limit ${limit}
      for update of p skip locked`;
  return many(
    ClaimedPoll,
    db`
      with of_people as materialized (${due(asked, room.limit)}),
      answering as materialized (${due(db`not ${asked} and p.failures = 0`, room.unasked)}),
      failing as materialized (${due(db`not ${asked} and p.failures > 0`, room.failing)}),
      due as (
        select *, row_number() over (partition by asked order by kind, next_at) as place
        from (select * from of_people union all select * from answering union all select * from failing)
      ),
      taken as (
        select * from due where asked or place <= ${room.unasked} order by asked desc, kind, next_at limit ${room.limit}
      ), chosen as (
        select taken.host_id, taken.kind, h.fqdn, host(h.address) as address, h.port, h.tls_name, h.simulated,
          app_now() as at, coalesce(p.requested_at > p.last_ok_at, p.requested_at is not null) as requested
        from taken join hosts h on h.id = taken.host_id
          join host_polls p on p.host_id = taken.host_id and p.kind = taken.kind
      )
      update host_polls p
      set lease_until = chosen.at + make_interval(secs => ${leaseMs / 1000}::float8)
      from chosen left join host_patch_data d on d.host_id = chosen.host_id
      where p.host_id = chosen.host_id and p.kind = chosen.kind
      returning p.host_id, p.kind, chosen.fqdn, chosen.address, chosen.port, chosen.tls_name, chosen.simulated,
        p.failures, chosen.at as claimed_at, p.lease_until, chosen.requested,
        case when chosen.requested then p.requested_max_index_age end as max_index_age, d.patches_etag,
        d.packages_etag`,
  );
}

/** How a poll ended. */
export interface PollEnd {
  failures: number;
  duration_ms: number;
  /** Null when it was ok. */
  error: string | null;
  next_at: Temporal.Instant;
}

/** Writes the ends of polls whose lease is still the caller's, and answers of how many. The others' rows went on. */
export async function finishClaimed(db: Db, ends: { poll: ClaimedPoll; end: PollEnd }[]): Promise<number> {
  const of = <Value>(value: (one: { poll: ClaimedPoll; end: PollEnd }) => Value) => ends.map(value);
  // Arrays and not JSON: the planner knows that they are short, and looks the rows up instead of reading them all.
  const finished = await db`
    with ended as (
      select ended.*
      from unnest(
        ${of(({ poll }) => poll.host_id)}::uuid[], ${of(({ poll }) => poll.kind)}::text[],
        ${of(({ poll }) => poll.claimed_at)}::timestamptz[], ${of(({ poll }) => poll.lease_until)}::timestamptz[],
        ${of(({ end }) => end.failures)}::int[],
        ${of(({ end }) => end.duration_ms)}::int[], ${of(({ end }) => end.error)}::text[],
        ${of(({ end }) => end.next_at)}::timestamptz[]
      ) as ended (host_id, kind, claimed_at, lease_until, failures, duration_ms, error, next_at)
      join host_polls p on p.host_id = ended.host_id and p.kind = ended.kind
      -- In one order, as whoever asks for fresh data of many hosts.
      order by p.host_id, p.kind for no key update of p
    )
    update host_polls p set
      lease_until = null,
      failures = ended.failures,
      last_at = app_now(),
      -- The start, not the end: what was asked for meanwhile is not answered by data read before.
      last_ok_at = case when ended.error is null then ended.claimed_at else p.last_ok_at end,
      last_duration_ms = ended.duration_ms,
      last_error = ended.error,
      next_at = case when p.requested_at > ended.claimed_at then app_now() else ended.next_at end
    from ended
    where p.host_id = ended.host_id and p.kind = ended.kind and p.lease_until = ended.lease_until
    returning p.host_id`;
  return finished.length;
}

/** Gives a row back that was not worked on: due again after so many milliseconds, and nothing is said of the host. */
export async function returnClaimed(db: Db, poll: ClaimedPoll, after_ms: number): Promise<boolean> {
  const rows = await db`
    update host_polls set lease_until = null, next_at = app_now() + ${after_ms} * interval '1 millisecond'
    where host_id = ${poll.host_id} and kind = ${poll.kind} and lease_until = ${poll.lease_until}
    returning host_id`;
  return rows.length === 1;
}

/** Puts a row aside that breaks the loop; shown until somebody asks for the host again. */
export async function parkClaimed(db: Db, poll: ClaimedPoll, reason: string): Promise<boolean> {
  const rows = await db`
    update host_polls set lease_until = null, parked_reason = ${reason}, last_at = app_now(), last_error = ${reason}
    where host_id = ${poll.host_id} and kind = ${poll.kind} and lease_until = ${poll.lease_until}
    returning host_id`;
  return rows.length === 1;
}

/** Makes the next health poll due at once, unless it fails already and has its own pauses. */
export async function askHealthNow(db: Db, hostId: string): Promise<void> {
  await db`
    update host_polls set next_at = app_now()
    where host_id = ${hostId} and kind = 'health' and failures = 0 and next_at > app_now()`;
}

/** Asks for fresh data of hosts. Answers how many polls that concerns. */
export async function requestPolls(
  db: Db,
  hostIds: string[],
  kinds: readonly PollKind[],
  maxIndexAge: number | null,
): Promise<number> {
  const rows = await db`
    with asked as (
      select host_id, kind from host_polls
      where host_id = any(${hostIds}::uuid[]) and kind = any(${[...kinds]}::text[])
      -- In one order, so that two people who ask for overlapping selections do not block each other.
      order by host_id, kind for no key update
    )
    update host_polls p
    set requested_at = app_now(), next_at = app_now(), parked_reason = null,
      requested_max_index_age = case when p.kind = 'patches' then ${maxIndexAge}::int end
    from asked where p.host_id = asked.host_id and p.kind = asked.kind
    returning p.host_id`;
  return rows.length;
}

/** Tells the fleet role that something is due. A hint only: it looks by itself every few seconds. */
export async function wakeFleet(db: Db, wake: { kind: string; id: string }): Promise<void> {
  await db`select pg_notify('wake_fleet', ${JSON.stringify(wake)}::text)`;
}

/** How many polls there are of each kind, those put aside left out. */
export function countByKind(db: Db): Promise<{ kind: PollKind; count: number }[]> {
  return many(
    z.object({ kind: z.enum(pollKinds), count: z.number() }),
    db`select kind, count(*)::int as count from host_polls where parked_reason is null group by kind`,
  );
}

/** How the polls stand, for metrics. */
export async function countPolls(db: Db): Promise<{ due: number; leased: number; parked: number }> {
  const [row] = await many(
    z.object({ due: z.number(), leased: z.number(), parked: z.number() }),
    db`
      select
        count(*) filter (where parked_reason is null and next_at <= app_now()
          and (lease_until is null or lease_until < app_now()))::int as due,
        count(*) filter (where lease_until >= app_now())::int as leased,
        count(*) filter (where parked_reason is not null)::int as parked
      from host_polls`,
  );
  return row;
}
