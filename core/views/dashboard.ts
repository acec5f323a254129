import { z } from "zod";
import { one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { type Hygiene, scoreHygiene } from "../hygiene/score.ts";
import { type DashboardHosts, dashboardHosts } from "./dashboard_hosts.ts";
import { type DashboardJobs, dashboardJobs } from "./dashboard_jobs.ts";
import { enrolmentInScope } from "./enrolments.ts";
import type { FleetSummary } from "./fleet_summary.ts";

const EnrolmentsWaiting = z.object({
  waiting: z.number().int(),
  /** Of those that wait: machines with the machine id of a known host. */
  clones: z.number().int(),
  /** Since when the first of them waits. */
  since: z.instanceof(Temporal.Instant).nullable(),
});
export type EnrolmentsWaiting = z.infer<typeof EnrolmentsWaiting>;

/** Machines that wait for approval, as the queue shows them to the viewer. */
export function enrolmentsWaiting(db: Db, viewer: string): Promise<EnrolmentsWaiting> {
  return one(
    EnrolmentsWaiting,
    db`
      select count(*)::int as waiting, count(e.clone_of)::int as clones, min(e.created_at) as since
      from enrolments e
      where e.state = 'pending' and e.expires_at > app_now() and ${enrolmentInScope(db, viewer, db`e.token_id`)}`,
  );
}

/** The page that everybody opens in the morning. */
export interface Dashboard {
  fleet: FleetSummary;
  hosts: DashboardHosts;
  jobs: DashboardJobs;
  enrolments: EnrolmentsWaiting;
  hygiene: Hygiene;
}

/** Everything of the dashboard in three statements, over the hosts that the viewer may see. */
export async function readDashboard(db: Db, viewer: string): Promise<Dashboard> {
  const [{ fleet, hosts }, jobs, enrolments] = await Promise.all([
    dashboardHosts(db, viewer),
    dashboardJobs(db, viewer),
    enrolmentsWaiting(db, viewer),
  ]);
  return { fleet, hosts, jobs, enrolments, hygiene: hygieneOf(fleet, hosts) };
}

function hygieneOf(fleet: FleetSummary, hosts: DashboardHosts): Hygiene {
  const { selections, reported, worst_critical, worst_high, worst_medium, worst_low } = hosts;
  return scoreHygiene({
    ...selections,
    hosts: fleet.hosts,
    reported,
    asked: fleet.hosts - fleet.waiting,
    worst_critical,
    worst_high,
    worst_medium,
    worst_low,
    reboot_required: fleet.reboot_required,
    silent: fleet.unreachable,
    stale: fleet.stale,
  });
}
