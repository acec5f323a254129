import { connect } from "../core/database/connection.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { deployPreview } from "../core/views/deploy_preview.ts";
import { fleetSummary } from "../core/views/fleet_summary.ts";
import { hostDetail } from "../core/views/host_detail.ts";
import { hostPatches } from "../core/views/host_patches.ts";
import { listHosts } from "../core/views/list_hosts.ts";
import { systemClock } from "../core/clock.ts";
import { createHost } from "../core/hosts/create_host.ts";
import { PackageList, PatchList } from "../protocol/api.ts";
import { testDatabase } from "../testing/database.ts";
import { addUser } from "../testing/job_scenario.ts";
import { type Figure, spread, timeEach } from "./measure.ts";

const HOSTS = 2_500;
const PATCHES = 40;
const PACKAGES = 600;
/** As many reports at once as the poller has hosts under way, over as many connections as the fleet role has. */
const AT_ONCE = 64;

/** A host's report: forty of two thousand updates pending, six hundred packages installed. */
function report(seed: number) {
  const name = (i: number) => `package-${(i * 13 + seed * 7) % 2_000}`;
  const patches = PatchList.parse({
    patches: Array.from({ length: PATCHES }, (_, i) => ({
      name: name(i),
      arch: "amd64",
      current_version: "1.0-1",
      available_version: "1.0-2",
      severity: ["critical", "high", "medium", "unknown"][i % 4],
      severity_source: "vendor-advisory",
      security: i % 3 === 0,
      cve_ids: i % 3 === 0 ? [`CVE-2026-99${1000 + i}`] : [],
      repository: ["stable-security/main"],
      size_bytes: 100_000,
      description: "A library of things that other things need",
    })),
    index_age_seconds: 5,
    state: "ok",
  });
  const { packages } = PackageList.parse({
    packages: Array.from({ length: PACKAGES }, (_, i) => ({
      name: name(i),
      arch: "amd64",
      version: `1.0-${seed % 5}`,
      size_bytes: 1_000_000,
    })),
  });
  return { patches, packages, etags: { patches: null, packages: null } };
}

/** The fleet at its supported size: landing every report once, and what the pages read of it. */
export async function benchFleet(): Promise<Figure[]> {
  await using database = await testDatabase();
  const admin = await addUser(database.sql, "admin");
  const ids: string[] = [];
  await database.web.begin(async (tx) => {
    for (let i = 0; i < HOSTS; i++) {
      const fqdn = `host-${i}.example.org`;
      ids.push(
        await createHost(tx, {
          fqdn,
          address: `10.20.${i >> 8}.${i & 255}`,
          port: 12_443,
          tls_name: fqdn,
          source: "manual",
          viewer: null,
          first_poll_at: systemClock.now(),
          granted_group_ids: [],
        }, systemClock),
      );
    }
  });
  const reports = Array.from({ length: 50 }, (_, seed) => report(seed));
  const fleet = await connect({ url: database.url("patch_fleet"), max: 10 });
  const figures: Figure[] = [];
  const landAll = async () => {
    const started = performance.now();
    let next = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next < HOSTS) {
        const n = next++;
        await recordReport(fleet, ids[n], reports[n % reports.length], { received_at: systemClock.now() });
      }
    }));
    return (performance.now() - started) / 1000;
  };
  try {
    const size = `${HOSTS.toLocaleString("en")} hosts × ${PATCHES} patches, ${PACKAGES} packages`;
    const first = await landAll();
    const rss = Math.round(Deno.memoryUsage().rss / 2 ** 20);
    figures.push({
      work: `${size}, first time`,
      measured: `${first.toFixed(1)} s, ${rss} MiB`,
      target: "60 s, under 400 MiB",
    });
    figures.push({
      work: `${size}, unchanged`,
      measured: `${(await landAll()).toFixed(1)} s`,
      target: "writes nothing",
    });
    await database.sql`analyze`;
    const reads: [string, (n: number) => Promise<unknown>][] = [
      ["host list, first 100", () => listHosts(database.web, admin.id, { limit: 100 })],
      [
        "host list, security, most first",
        () => listHosts(database.web, admin.id, { status: "security", sort: "-security" }),
      ],
      ["host list, search", () => listHosts(database.web, admin.id, { search: "host-12" })],
      ["fleet in numbers", () => fleetSummary(database.web, admin.id)],
      ["one host", (n) => hostDetail(database.web, admin.id, ids[n])],
      ["its updates", (n) => hostPatches(database.web, admin.id, ids[n])],
      ["deployment of 3 hosts", (n) => deployPreview(database.web, admin.id, { host_ids: ids.slice(n, n + 3) })],
    ];
    for (const [work, read] of reads) {
      const times = await timeEach(40, read);
      figures.push({ work, measured: spread(times), target: "p95 under 100 ms" });
    }
  } finally {
    await fleet.end({ timeout: 5 });
  }
  return figures;
}
