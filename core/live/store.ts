import { z } from "zod";
import { type Db, many, maybe, one } from "../database/connection.ts";
import { enrolmentInScope } from "../views/enrolments.ts";
import { LiveEvent, type Subscription } from "./types.ts";

/** First and last event that is kept; null without any. */
export function eventRange(db: Db): Promise<{ first: number | null; last: number | null }> {
  return one(
    z.object({ first: z.number().nullable(), last: z.number().nullable() }),
    db`select min(seq) as first, max(seq) as last from live_events`,
  );
}

/**
 * Those of the jobs that have a host which the viewer may not know of. Removed hosts count like the others: whoever
 * might see them still sees them within the job.
 */
export async function partlySeenJobs(db: Db, viewer_id: string, job_ids: string[]): Promise<Set<string>> {
  const rows = await many(
    z.object({ job_id: z.string() }),
    db`
      select distinct r.job_id from patch_job_hosts r
      where r.job_id = any(${job_ids}::uuid[])
        and not exists (
          select from who_sees(${viewer_id}) who
          where (
              who.role in ('admin', 'auditor')
              or not exists (select from host_groups hg where hg.host_id = r.host_id)
              or exists (
                select from host_groups hg join user_groups ug on ug.group_id = hg.group_id
                where hg.host_id = r.host_id and ug.user_id = who.user_id
              )
            )
            and (
              who.group_ids is null
              or exists (select from host_groups hg where hg.host_id = r.host_id and hg.group_id = any(who.group_ids))
            )
        )`,
  );
  return new Set(rows.map((row) => row.job_id));
}

/**
 * Events of the topics after each one's number, oldest first, without those of hosts that the viewer may not know
 * of. An event of a job without a host needs one visible host in that job; one of a machine that waits, that the viewer
 * may decide about it.
 */
export function eventsOf(db: Db, viewer_id: string, topics: Subscription[], limit: number): Promise<LiveEvent[]> {
  return many(
    LiveEvent,
    db`
      with visible as materialized (select host_id from visible_hosts(${viewer_id}))
      select e.seq, e.topic, e.kind, e.job_id, e.host_id, e.data
      from unnest(${topics.map((one) => one.topic)}::text[], ${topics.map((one) => one.after_seq)}::bigint[])
        as wanted (topic, after_seq)
      join live_events e on e.topic = wanted.topic and e.seq > wanted.after_seq
      where case
        when e.host_id is not null then exists (select from visible v where v.host_id = e.host_id)
        when e.job_id is not null then exists (
          select from patch_job_hosts r join visible v on v.host_id = r.host_id where r.job_id = e.job_id
        )
        when e.topic = 'enrolments' and e.data->>'id' is not null then exists (
          select from enrolments n where n.id = (e.data->>'id')::uuid and ${
      enrolmentInScope(db, viewer_id, db`n.token_id`)
    }
        )
        else true
      end
      order by e.seq limit ${limit}`,
  );
}

export function eventsAfter(db: Db, after_seq: number, limit: number): Promise<LiveEvent[]> {
  return many(
    LiveEvent,
    db`
      select seq, topic, kind, job_id, host_id, data from live_events
      where seq > ${after_seq} order by seq limit ${limit}`,
  );
}

/** Those of the machines that wait, or waited, which the viewer may know of. */
export async function visibleEnrolments(db: Db, viewer_id: string, ids: string[]): Promise<Set<string>> {
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      select n.id from enrolments n
      where n.id = any(${ids}::uuid[]) and ${enrolmentInScope(db, viewer_id, db`n.token_id`)}`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Removes at most `limit` events older than so many seconds, oldest first, and says how many. */
export async function deleteOldEvents(db: Db, seconds: number, limit: number): Promise<number> {
  const rows = await db`
    delete from live_events where seq in (
      select seq from live_events where at < app_now() - make_interval(secs => ${seconds}) order by at limit ${limit}
    ) returning seq`;
  return rows.length;
}

export async function insertTicket(
  db: Db,
  ticket: { hash: Uint8Array; session_id: string; user_id: string; seconds: number },
): Promise<void> {
  await db`
    insert into ws_tickets (hash, session_id, user_id, expires_at)
    values (${ticket.hash}, ${ticket.session_id}, ${ticket.user_id}, app_now() + make_interval(secs => ${ticket.seconds}))`;
}

/** Burns the ticket in the statement that accepts it, so that of two callers one gets it. */
export function burnTicket(db: Db, hash: Uint8Array): Promise<{ session_id: string; user_id: string } | null> {
  return maybe(
    z.object({ session_id: z.string(), user_id: z.string() }),
    db`
      update ws_tickets t set used_at = app_now()
      from sessions s join users u on u.id = s.user_id
      where t.hash = ${hash} and t.used_at is null and t.expires_at > app_now()
        and s.id = t.session_id and s.revoked_at is null and s.expires_at > app_now() and s.idle_until > app_now()
        and u.disabled_at is null
      returning t.session_id, t.user_id`,
  );
}
