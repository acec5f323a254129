import { dashboardHosts } from "../core/views/dashboard_hosts.ts";
import { dashboardJobs } from "../core/views/dashboard_jobs.ts";
import { readDashboard } from "../core/views/dashboard.ts";
import { deployPreview } from "../core/views/deploy_preview.ts";
import { fleetSummary } from "../core/views/fleet_summary.ts";
import { hostDetail } from "../core/views/host_detail.ts";
import { hostPatches } from "../core/views/host_patches.ts";
import { listHosts } from "../core/views/list_hosts.ts";
import { testSite } from "../testing/site.ts";
import { LoopDelay } from "./loop_delay.ts";
import { type BenchOptions, type Figure, spread, timeEach } from "./measure.ts";
import { READ_SIZE, seedFleet } from "./seeded_fleet.ts";

/** The specification's limit for pages of 2,500 hosts; the dashboard's own is 20 ms for all its statements. */
const PAGE_MS = 100;
const DASHBOARD_MS = 20;
/**
 * How often before it is timed, and how often timed. Each connection of the pool plans a statement anew the first five
 * times, which is as much as the dashboard's limit knows; those of a manager last for weeks.
 */
const TIMES = { dashboard: [50, 100], page: [3, 40] };

/** What pages read of a seeded fleet, at the database and over HTTPS from a browser's side. */
export async function benchViews({ hosts }: BenchOptions): Promise<Figure[]> {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const program = await site.signIn("admin");
  await seedFleet(site.database, admin.user_id, { hosts, ...READ_SIZE });
  const sql = site.services.sql;
  const ids = (await sql`select id from hosts order by fqdn limit 200`).map(({ id }) => id as string);
  const viewer = admin.user_id;
  const reads: [string, (n: number) => Promise<unknown>, number | null][] = [
    ["dashboard, all its statements", () => readDashboard(sql, viewer), DASHBOARD_MS],
    ["dashboard, what the fleet is in numbers", () => fleetSummary(sql, viewer), null],
    ["dashboard, hosts", () => dashboardHosts(sql, viewer), null],
    ["dashboard, jobs", () => dashboardJobs(sql, viewer), null],
    ["host list, first 100", () => listHosts(sql, viewer, { limit: 100 }), PAGE_MS],
    [
      "host list, security, most first",
      () => listHosts(sql, viewer, { status: "security", sort: "-security" }),
      PAGE_MS,
    ],
    ["host list, search", () => listHosts(sql, viewer, { search: "host-12" }), PAGE_MS],
    [
      "host list, critical for more than a week",
      () => listHosts(sql, viewer, { only: "critical_over_7_days" }),
      PAGE_MS,
    ],
    ["one host", (n) => hostDetail(sql, viewer, ids[n]), PAGE_MS],
    ["its updates", (n) => hostPatches(sql, viewer, ids[n]), PAGE_MS],
    ["deployment of 3 hosts", (n) => deployPreview(sql, viewer, { host_ids: ids.slice(n, n + 3) }), PAGE_MS],
  ];
  const figures: Figure[] = [];
  for (const [name, read, target] of reads) {
    const [before, timed] = name.startsWith("dashboard") ? TIMES.dashboard : TIMES.page;
    await timeEach(before, read);
    figures.push(...spread(`${hosts} hosts, ${name}`, await timeEach(timed, read), target));
  }
  let largest = 0;
  using delay = new LoopDelay();
  for (const [name, path] of PAGES) {
    let bytes = 0;
    const times = await timeEach(15, async () => {
      const asker = path.startsWith("/api/") ? program : admin;
      const answer = await asker.get(path, { "accept-encoding": "gzip, br" });
      if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      bytes = answer.bytes.length;
    });
    largest = Math.max(largest, bytes);
    figures.push(...spread(`${hosts} hosts, page ${name} over HTTPS`, times, PAGE_MS));
    figures.push({
      name: `${hosts} hosts, page ${name}, body on the wire`,
      value: bytes / 1024,
      unit: "KiB",
      target: null,
    });
  }
  // 400 KB, not KiB.
  return [...figures, ...delay.figures("the web role while it answers pages"), {
    name: "largest response",
    value: largest / 1024,
    unit: "KiB",
    target: 400_000 / 1024,
  }];
}

const PAGES = [["dashboard", "/dashboard"], ["hosts", "/hosts"], [
  "500 hosts of the API",
  "/api/v1/hosts?limit=500",
]];
