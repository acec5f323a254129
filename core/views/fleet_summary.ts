import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { hostSource } from "./host_filter.ts";
import type { Fragment } from "./scope.ts";

const count = z.number().int();
const instant = z.instanceof(Temporal.Instant);

/** The fleet as the viewer may see it, in numbers. */
export const FleetSummary = z.object({
  hosts: count,
  simulated: count,
  healthy: count,
  degraded: count,
  unreachable: count,
  /** Never polled. */
  waiting: count,
  /** Failed once and not unreachable yet. */
  not_answering: count,
  pending: count,
  installable: count,
  security: count,
  critical: count,
  high: count,
  medium: count,
  low: count,
  unknown: count,
  hosts_with_updates: count,
  hosts_with_security: count,
  hosts_with_critical: count,
  compliant: count,
  not_compliant: count,
  /** Data too old to say, or none: never counted as compliant. */
  stale: count,
  reboot_required: count,
  refused: count,
  running: count,
  /** The host whose accepted report is oldest, in time; null when none ever came. */
  oldest_report_at: instant.nullable(),
  oldest_security_at: instant.nullable(),
});
export type FleetSummary = z.infer<typeof FleetSummary>;

/** Sums over the counters of the hosts that the viewer may see; nothing groups over all updates. */
export function fleetSummary(db: Db, viewer: string): Promise<FleetSummary> {
  return one(FleetSummary, db`select ${fleetColumns(db, viewer)} from ${hostSource(db, viewer)}`);
}

/** The columns of {@link FleetSummary} over `hostSource`, for who reads more in the same pass. */
export function fleetColumns(db: Db, viewer: string): Fragment {
  return db`
    count(*)::int as hosts,
    count(*) filter (where h.simulated)::int as simulated,
    count(*) filter (where h.health = 'healthy')::int as healthy,
    count(*) filter (where h.health = 'degraded')::int as degraded,
    count(*) filter (where h.health = 'unreachable')::int as unreachable,
    count(*) filter (where h.health = 'pending')::int as waiting,
    count(*) filter (where h.not_answering_since is not null and h.health <> 'unreachable')::int as not_answering,
    coalesce(sum(c.pending), 0)::int as pending,
    coalesce(sum(c.installable), 0)::int as installable,
    coalesce(sum(c.security), 0)::int as security,
    coalesce(sum(c.critical), 0)::int as critical,
    coalesce(sum(c.high), 0)::int as high,
    coalesce(sum(c.medium), 0)::int as medium,
    coalesce(sum(c.low), 0)::int as low,
    coalesce(sum(c.unknown), 0)::int as unknown,
    count(*) filter (where c.pending > 0)::int as hosts_with_updates,
    count(*) filter (where c.security > 0)::int as hosts_with_security,
    count(*) filter (where c.critical > 0)::int as hosts_with_critical,
    count(*) filter (where x.compliance = 'compliant')::int as compliant,
    count(*) filter (where x.compliance = 'not_compliant')::int as not_compliant,
    count(*) filter (where x.compliance in ('stale', 'unknown'))::int as stale,
    count(*) filter (where h.reboot_required)::int as reboot_required,
    count(*) filter (where d.refused_at is not null)::int as refused,
    (
      select count(*)::int from patch_job_hosts r join visible_hosts(${viewer}) rv on rv.host_id = r.host_id
      where r.state in ('dispatching', 'running', 'verifying', 'rebooting')
    ) as running,
    min(d.received_at) as oldest_report_at,
    min(c.oldest_security_at) as oldest_security_at`;
}
