import type { Sql } from "../database/connection.ts";
import { eventRange, eventsAfter, eventsOf, partlySeenJobs, visibleEnrolments } from "./store.ts";
import type { LiveEvent, Subscription } from "./types.ts";

/** What a page is told after it asked for topics. */
export interface EventPage {
  /** Oldest first. */
  events: LiveEvent[];
  /** Go on from here; also when there were no events. */
  next_after_seq: number;
  /** There are more than the limit: ask again at once. */
  more: boolean;
  /** Events that the page has not seen are gone: it must read everything anew, then follow from next_after_seq. */
  reload: boolean;
}

/**
 * Events of topics, each after its own number, that the viewer may know of.
 * @param viewer_id a user's id or an API token's: events of hosts and jobs out of scope are left out.
 * @param topics at most 20. A null `after_seq` starts with what comes next.
 * @param limit 1 to 1,000.
 */
export async function readEvents(
  sql: Sql,
  viewer_id: string,
  topics: Subscription[],
  limit: number,
): Promise<EventPage> {
  const { first, last } = await eventRange(sql);
  const head = last ?? 0;
  const asked = topics.map((one) => ({ topic: one.topic, after_seq: one.after_seq ?? head }));
  // Numbers above the head come from another database, such as one before a restore.
  const lost = asked.some((one) => one.after_seq > head || (first === null ? false : one.after_seq < first - 1));
  // After 24 quiet hours nothing is left to compare with; then whatever was seen may be too old.
  const emptied = first === null && asked.some((one) => one.after_seq > 0);
  if (lost || emptied) return { events: [], next_after_seq: head, more: false, reload: true };
  const stored = asked.length === 0 ? [] : await eventsOf(sql, viewer_id, asked, limit);
  const events = await withoutForeignNumbers(sql, viewer_id, stored);
  const more = events.length === limit;
  return {
    events,
    next_after_seq: more ? events.at(-1)!.seq : Math.max(head, events.at(-1)?.seq ?? 0),
    more,
    reload: false,
  };
}

/**
 * All events after a number, for one reader that feeds many pages. Who may see what is that reader's business: see
 * {@link visibleTo}.
 */
export function readEventsAfter(sql: Sql, after_seq: number, limit: number): Promise<LiveEvent[]> {
  return eventsAfter(sql, after_seq, limit);
}

/** Number of the last event, 0 without any: where a reader that starts now begins. */
export async function lastEvent(sql: Sql): Promise<number> {
  return (await eventRange(sql)).last ?? 0;
}

/**
 * The events that the viewer may be told of, as they may be told: asked once per host and job, for a reader that feeds
 * many pages.
 */
export async function visibleTo(sql: Sql, viewer_id: string, events: LiveEvent[]): Promise<LiveEvent[]> {
  const hosts = [...new Set(events.flatMap((event) => event.host_id ?? []))];
  const jobs = [...new Set(events.flatMap((event) => event.host_id === null ? event.job_id ?? [] : []))];
  const visible_hosts = new Set<string>();
  const visible_jobs = new Set<string>();
  if (hosts.length > 0) {
    const rows = await sql`
      select host_id from visible_hosts(${viewer_id}) where host_id = any(${hosts}::uuid[])`;
    for (const row of rows) visible_hosts.add(row.host_id);
  }
  if (jobs.length > 0) {
    const rows = await sql`
      select distinct r.job_id from patch_job_hosts r join visible_hosts(${viewer_id}) v on v.host_id = r.host_id
      where r.job_id = any(${jobs}::uuid[])`;
    for (const row of rows) visible_jobs.add(row.job_id);
  }
  const waiting = [...new Set(events.flatMap((event) => enrolmentOf(event) ?? []))];
  const visible_enrolments = waiting.length > 0 ? await visibleEnrolments(sql, viewer_id, waiting) : new Set();
  const mayKnow = (event: LiveEvent) => {
    const { host_id, job_id } = event;
    if (host_id !== null) return visible_hosts.has(host_id);
    if (job_id !== null) return visible_jobs.has(job_id);
    const enrolment = enrolmentOf(event);
    return enrolment === null || visible_enrolments.has(enrolment);
  };
  return await withoutForeignNumbers(sql, viewer_id, events.filter(mayKnow));
}

/** The machine that waits, of which an event without a host tells. */
function enrolmentOf({ topic, host_id, data }: LiveEvent): string | null {
  return topic === "enrolments" && host_id === null && typeof data.id === "string" ? data.id : null;
}

/**
 * What a job says of all its hosts together would tell of those out of scope: who sees only some of them learns that
 * something changed, and reads their own numbers.
 */
async function withoutForeignNumbers(sql: Sql, viewer_id: string, events: LiveEvent[]): Promise<LiveEvent[]> {
  const jobs = new Set(events.flatMap((event) => event.host_id === null ? event.job_id ?? [] : []));
  if (jobs.size === 0) return events;
  const partly = await partlySeenJobs(sql, viewer_id, [...jobs]);
  return events.map((event) =>
    event.host_id === null && event.job_id !== null && partly.has(event.job_id)
      ? { ...event, data: { job_id: event.job_id, counts: {} } }
      : event
  );
}
