import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { hostSource } from "./host_filter.ts";
import { type HostSelection, hostSelections, lastRun, selectionCondition } from "./host_selection.ts";
import type { Fragment } from "./scope.ts";

const count = z.number().int();
const instant = z.instanceof(Temporal.Instant);
/** Within JSON an instant is text. */
const instantText = z.string().transform((text) => Temporal.Instant.from(text));

/** Conditions of a host that wait for a person, the most urgent first. */
export const hostNeeds = [
  "job_failed",
  "job_unknown",
  "job_missed",
  "package_database",
  "silent",
  "refused",
  "certificate",
  "parked",
] as const satisfies HostSelection[];
export type HostNeed = typeof hostNeeds[number];

const Need = z.object({
  hosts: count,
  /** Since when it is so on the host where it has been so longest; for certificates the first end. Null: no host. */
  since: instantText.nullable(),
  /** That host, and its job where the need is one of jobs. */
  first: z.object({ host_id: z.string(), name: z.string(), job_id: z.string().nullable() }).nullable(),
});

const SilentHost = z.object({
  id: z.string(),
  name: z.string(),
  simulated: z.boolean(),
  since: instantText,
  reason: z.string().nullable(),
});
export type SilentHost = z.infer<typeof SilentHost>;

/** What the dashboard says of hosts beside the fleet summary. Every number is one of hosts. */
export const DashboardHosts = z.object({
  /** How many hosts a filter with `only` shows. */
  selections: z.record(z.enum(hostSelections), count),
  needs: z.record(z.enum(hostNeeds), Need),
  /** Those that have been silent longest, at most {@link SILENT_SHOWN}. */
  silent: z.array(SilentHost),
  /** Of which a report was ever accepted. */
  reported: count,
  /** Hosts by the worst severity that is named for one of their updates. */
  worst_critical: count,
  worst_high: count,
  worst_medium: count,
  worst_low: count,
  /** Pending updates of which nobody says whether they are security ones. */
  updates_security_unknown: count,
  newest_report_at: instant.nullable(),
  /** When the fleet role last said that it lives; null when it never did. */
  fleet_beat_at: instant.nullable(),
});
export type DashboardHosts = z.infer<typeof DashboardHosts>;

export const SILENT_SHOWN = 5;

/**
 * One pass over the hosts that the viewer may see and their counters; nothing groups over updates. The same conditions
 * as in the host list, so that a figure and the list behind it agree.
 */
export function dashboardHosts(db: Db, viewer: string): Promise<DashboardHosts> {
  const marks = hostSelections.map((name) =>
    db`, coalesce(${selectionCondition(db, name, db`r.state`)}, false) as ${db(`is_${name}`)}`
  );
  const counts = hostSelections.map((name, i) =>
    db`${separator(db, i)} ${name}::text, count(*) filter (where ${db(`is_${name}`)})`
  );
  const needs = hostNeeds.map((name, i) => db`${separator(db, i)} ${name}::text, ${need(db, name)}`);
  return one(
    DashboardHosts,
    db`
      with base as materialized (
        select h.id, x.name, h.simulated, h.health_since, h.health_reason, h.health, h.created_at,
          h.certificate_expires_at, d.received_at, r.job_id, r.ended_at,
          c.critical, c.high, c.medium, c.low, c.security_unknown ${marks}
        from ${hostSource(db, viewer)} left join lateral ${lastRun(db)} r on true
      )
      select
        json_build_object(${counts}) as selections,
        json_build_object(${needs}) as needs,
        (
          select coalesce(json_agg(json_build_object(
            'id', id, 'name', name, 'simulated', simulated, 'since', health_since, 'reason', health_reason
          ) order by health_since, id), '[]')
          from (select * from base where is_silent order by health_since, id limit ${SILENT_SHOWN}) t
        ) as silent,
        count(received_at)::int as reported,
        count(*) filter (where critical > 0)::int as worst_critical,
        count(*) filter (where critical = 0 and high > 0)::int as worst_high,
        count(*) filter (where critical + high = 0 and medium > 0)::int as worst_medium,
        count(*) filter (where critical + high + medium = 0 and low > 0)::int as worst_low,
        coalesce(sum(security_unknown), 0)::int as updates_security_unknown,
        max(received_at) as newest_report_at,
        (select beat_at from worker_heartbeat where role = 'fleet') as fleet_beat_at
      from base`,
  );
}

function separator(db: Db, index: number): Fragment {
  return index === 0 ? db`` : db`,`;
}

/** How many, since when, and on which host first. */
function need(db: Db, name: HostNeed): Fragment {
  const is = db(`is_${name}`);
  const since = needSince(db, name);
  const job = name.startsWith("job_") ? db`job_id` : db`null`;
  return db`json_build_object(
    'hosts', count(*) filter (where ${is}),
    'since', min(${since}) filter (where ${is}),
    'first', (array_agg(json_build_object('host_id', id, 'name', name, 'job_id', ${job}) order by ${since}, id)
      filter (where ${is}))[1]
  )`;
}

function needSince(db: Db, name: HostNeed): Fragment {
  switch (name) {
    case "job_failed":
    case "job_unknown":
    case "job_missed":
      return db`ended_at`;
    // A refusal is noted anew at every poll: what counts is how long nothing has been accepted.
    case "refused":
      return db`coalesce(received_at, created_at)`;
    case "certificate":
      return db`certificate_expires_at`;
    case "package_database":
      return db`case when health = 'degraded' then health_since else coalesce(received_at, created_at) end`;
    case "silent":
    case "parked":
      return db`health_since`;
  }
}
