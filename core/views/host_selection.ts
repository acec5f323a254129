import type { Db } from "../database/types.ts";
import { EXPIRES_SOON_MS } from "../hosts/rules.ts";
import type { Fragment } from "./scope.ts";

/**
 * Hosts behind a figure, where no other part of the filter says it. What each means stands in
 * {@link selectionCondition}; ages end with the smaller number: `7_to_30_days` holds what is 7 days old.
 */
export const hostSelections = [
  "job_failed",
  "job_unknown",
  "job_missed",
  "package_database",
  "refused",
  "silent",
  "parked",
  "certificate",
  "up_to_date",
  "other_updates",
  "security_unknown",
  "severity_critical",
  "severity_high",
  "severity_medium",
  "severity_low",
  "severity_unknown",
  "unrated",
  "critical_over_7_days",
  "security_under_7_days",
  "security_7_to_30_days",
  "security_30_to_90_days",
  "security_over_90_days",
  "index_under_24_hours",
  "index_24_to_48_hours",
  "index_over_48_hours",
  "index_unknown",
] as const;
export type HostSelection = typeof hostSelections[number];

/** What the list of hosts can be opened for: figures of the dashboard, and those of other pages. */
export const listSelections = [...hostSelections, "one_group"] as const;
export type ListSelection = typeof listSelections[number];

/**
 * The last job of the host `h` that could change it, where it came to nothing good: a dry run decides nothing, and what
 * went well or is under way waits for nobody. To be joined as `r` where several conditions ask for it.
 */
export function badLastRun(db: Db): Fragment {
  return db`(
    select r.host_id, r.job_id, r.state, r.ended_at
    from host_last_runs l join patch_job_hosts r on r.job_id = l.job_id and r.host_id = l.host_id
    where r.state in ('failed', 'unknown', 'missed')
  )`;
}

/**
 * The condition over the aliases of `hostSource`.
 * @param run the last job's state, where it is joined already
 */
export function selectionCondition(db: Db, selection: ListSelection, run?: Fragment): Fragment {
  switch (selection) {
    // Nothing was ordered for the host since: ordering again is how a person decides.
    case "job_failed":
      return lastState(db, "failed", run);
    case "job_unknown":
      return lastState(db, "unknown", run);
    case "job_missed":
      return lastState(db, "missed", run);
    // The health check comes more often than the report and knows of a repair first.
    case "package_database":
      return db`(
        case when s.received_at > d.received_at or d.received_at is null
        then coalesce(s.checks ->> 'package_manager', d.state) else d.state end
      ) in ('interrupted', 'broken')`;
    case "refused":
      return db`d.refused_at is not null`;
    case "silent":
      return db`h.health = 'unreachable'`;
    case "parked":
      return db`h.id in (select p.host_id from host_polls p where p.parked_reason is not null)`;
    case "certificate":
      return db`h.certificate_expires_at < ${ago(db, -EXPIRES_SOON_MS / 3_600_000)}`;
    case "up_to_date":
      return db`c.pending = 0 and x.compliance not in ('stale', 'unknown')`;
    case "other_updates":
      return db`c.pending > c.security + c.security_unknown`;
    case "security_unknown":
      return db`c.security_unknown > 0`;
    case "severity_critical":
      return db`c.critical > 0`;
    case "severity_high":
      return db`c.high > 0`;
    case "severity_medium":
      return db`c.medium > 0`;
    case "severity_low":
      return db`c.low > 0`;
    case "severity_unknown":
      return db`c.unknown > 0`;
    case "unrated":
      return db`(c.security > 0 and c.critical + c.high + c.medium + c.low = 0)`;
    case "critical_over_7_days":
      return db`c.oldest_critical_at <= ${ago(db, 7 * 24)}`;
    case "security_under_7_days":
      return db`c.oldest_security_at > ${ago(db, 7 * 24)}`;
    case "security_7_to_30_days":
      return db`(c.oldest_security_at <= ${ago(db, 7 * 24)} and c.oldest_security_at > ${ago(db, 30 * 24)})`;
    case "security_30_to_90_days":
      return db`(c.oldest_security_at <= ${ago(db, 30 * 24)} and c.oldest_security_at > ${ago(db, 90 * 24)})`;
    case "security_over_90_days":
      return db`c.oldest_security_at <= ${ago(db, 90 * 24)}`;
    case "index_under_24_hours":
      return db`d.index_refreshed_at > ${ago(db, 24)}`;
    case "index_24_to_48_hours":
      return db`(d.index_refreshed_at <= ${ago(db, 24)} and d.index_refreshed_at > ${ago(db, 48)})`;
    case "index_over_48_hours":
      return db`d.index_refreshed_at <= ${ago(db, 48)}`;
    case "index_unknown":
      return db`d.index_refreshed_at is null`;
    // Asked for together with a group: its hosts that are in no other.
    case "one_group":
      return db`(select count(*) from host_groups og where og.host_id = h.id) = 1`;
  }
}

function lastState(db: Db, state: "failed" | "unknown" | "missed", run?: Fragment): Fragment {
  return run ? db`${run} = ${state}` : db`h.id in (select t.host_id from ${badLastRun(db)} t where t.state = ${state})`;
}

/** As a subquery of its own it is worked out once, not for each host. */
function ago(db: Db, hours: number): Fragment {
  return db`(select app_now() - make_interval(hours => ${hours}))`;
}
