import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { fleetColumns, FleetSummary } from "./fleet_summary.ts";
import { hostSource } from "./host_filter.ts";
import { badLastRun, type HostSelection, hostSelections, selectionCondition } from "./host_selection.ts";
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

/** Of a need the host where it has been so longest. */
const First = z.object({
  since: instantText.nullable(),
  host_id: z.string(),
  name: z.string(),
  job_id: z.string().nullable(),
}).nullable();

/** As it is read: the fleet in numbers beside the rest. */
const Row = FleetSummary.extend(DashboardHosts.omit({ needs: true }).shape).extend({
  firsts: z.record(z.enum(hostNeeds), First),
});

/**
 * One pass over the hosts that the viewer may see and their counters, which gives the fleet in numbers too; nothing
 * groups over updates. The same conditions as in the host list, so that a figure and the list behind it agree.
 */
export async function dashboardHosts(db: Db, viewer: string): Promise<{ fleet: FleetSummary; hosts: DashboardHosts }> {
  const counts = hostSelections.map((name, i) =>
    db`${separator(db, i)} ${name}::text, count(*) filter (where ${condition(db, name)})`
  );
  const firsts = hostNeeds.map((name, i) => db`${separator(db, i)} ${name}::text, ${first(db, name)}`);
  const row = await one(
    Row,
    db`
      select
        json_build_object(${counts}) as selections,
        json_build_object(${firsts}) as firsts,
        coalesce(to_json((array_agg(json_build_object(
          'id', h.id, 'name', x.name, 'simulated', h.simulated, 'since', h.health_since, 'reason', h.health_reason
        ) order by h.health_since, h.id) filter (where ${condition(db, "silent")}))[:${SILENT_SHOWN}]), '[]') as silent,
        count(d.received_at)::int as reported,
        count(*) filter (where c.critical > 0)::int as worst_critical,
        count(*) filter (where c.critical = 0 and c.high > 0)::int as worst_high,
        count(*) filter (where c.critical + c.high = 0 and c.medium > 0)::int as worst_medium,
        count(*) filter (where c.critical + c.high + c.medium = 0 and c.low > 0)::int as worst_low,
        coalesce(sum(c.security_unknown), 0)::int as updates_security_unknown,
        max(d.received_at) as newest_report_at,
        (select beat_at from worker_heartbeat where role = 'fleet') as fleet_beat_at,
        ${fleetColumns(db, viewer)}
      from ${hostSource(db, viewer)} left join ${badLastRun(db)} r on r.host_id = h.id`,
  );
  const { firsts: found, ...figures } = row;
  const needs = Object.fromEntries(hostNeeds.map((name) => {
    const { since = null, ...first } = found[name] ?? {};
    return [name, { hosts: row.selections[name], since, first: found[name] && first }];
  })) as DashboardHosts["needs"];
  return { fleet: part(figures, FleetSummary.shape), hosts: part({ ...figures, needs }, DashboardHosts.shape) };
}

/** What the shape names of a record that holds more. */
function part<R extends object, K extends keyof R>(record: R, shape: Record<K, unknown>): Pick<R, K> {
  return Object.fromEntries(Object.keys(shape).map((key) => [key, record[key as K]])) as Pick<R, K>;
}

function separator(db: Db, index: number): Fragment {
  return index === 0 ? db`` : db`,`;
}

/** The host where it has been so longest, with what the page says of it. */
function first(db: Db, name: HostNeed): Fragment {
  const since = needSince(db, name);
  const job = name.startsWith("job_") ? db`r.job_id` : db`null`;
  return db`(array_agg(
    json_build_object('since', ${since}, 'host_id', h.id, 'name', x.name, 'job_id', ${job}) order by ${since}, h.id
  ) filter (where ${condition(db, name)}))[1]`;
}

function condition(db: Db, name: HostSelection): Fragment {
  return selectionCondition(db, name, db`r.state`);
}

function needSince(db: Db, name: HostNeed): Fragment {
  switch (name) {
    case "job_failed":
    case "job_unknown":
    case "job_missed":
      return db`r.ended_at`;
    // A refusal is noted anew at every poll: what counts is how long nothing has been accepted.
    case "refused":
      return db`coalesce(d.received_at, h.created_at)`;
    case "certificate":
      return db`h.certificate_expires_at`;
    case "package_database":
      return db`case when h.health = 'degraded' then h.health_since else coalesce(d.received_at, h.created_at) end`;
    case "silent":
    case "parked":
      return db`h.health_since`;
  }
}
