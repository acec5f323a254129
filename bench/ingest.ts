import { connect, type Sql } from "../core/database/connection.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { systemClock } from "../core/clock.ts";
import { createHost } from "../core/hosts/create_host.ts";
import { PackageList, PatchList } from "../protocol/api.ts";
import { testDatabase } from "../testing/database.ts";
import { LoopDelay } from "./loop_delay.ts";
import type { BenchOptions, Figure } from "./measure.ts";

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

/** Reports of a whole fleet into PostgreSQL, without the hosts: what landing them costs, and what they take up. */
export async function benchIngest({ hosts }: BenchOptions): Promise<Figure[]> {
  await using database = await testDatabase();
  const ids = await database.web.begin(async (tx) => {
    const made: string[] = [];
    for (let i = 0; i < hosts; i++) {
      const fqdn = `host-${i}.example.org`;
      const place = { fqdn, address: `10.20.${i >> 8}.${i & 255}`, port: 12_443, tls_name: fqdn };
      const order = { ...place, source: "manual" as const, viewer: null, first_poll_at: systemClock.now() };
      made.push(await createHost(tx, { ...order, granted_group_ids: [] }, systemClock));
    }
    return made;
  });
  const empty = await sizeOf(database.sql);
  const reports = Array.from({ length: 50 }, (_, seed) => report(seed));
  const fleet = await connect({ url: database.url("patch_fleet"), max: 10 });
  const landAll = async () => {
    const started = performance.now();
    let next = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next < hosts) {
        const n = next++;
        await recordReport(fleet, ids[n], reports[n % reports.length], { received_at: systemClock.now() });
      }
    }));
    return (performance.now() - started) / 1000;
  };
  try {
    const size = `${hosts.toLocaleString("en")} reports (${PATCHES} patches, ${PACKAGES} packages)`;
    using delay = new LoopDelay();
    const figures: Figure[] = [
      { name: `${size}, first time`, value: await landAll(), unit: "s", target: 60 },
      { name: "memory of the process that lands them", value: memory(), unit: "MiB", target: 400 },
      { name: `${size}, unchanged`, value: await landAll(), unit: "s", target: null },
      ...delay.figures("what lands reports"),
    ];
    await database.sql`vacuum analyze`;
    const per_host = (await sizeOf(database.sql) - empty) / hosts / 1024;
    const rows = ["host_patches", "host_packages"].map(async (table): Promise<Figure> => {
      const [row] = await database.sql`
        select pg_total_relation_size(${table}::regclass)::float8 / count(*) as bytes from ${database.sql(table)}`;
      return { name: `one row of ${table} with its indexes`, value: row.bytes, unit: "B", target: null };
    });
    const wire = JSON.stringify(reports[0].patches).length + JSON.stringify(reports[0].packages).length;
    return [
      ...figures,
      { name: "database per host", value: per_host, unit: "KiB", target: null },
      ...await Promise.all(rows),
      { name: "one report as JSON", value: wire / 1024, unit: "KiB", target: null },
    ];
  } finally {
    await fleet.end({ timeout: 5 });
  }
}

async function sizeOf(sql: Sql): Promise<number> {
  const [row] = await sql`select pg_database_size(current_database())::float8 as bytes`;
  return row.bytes;
}

const memory = () => Math.round(Deno.memoryUsage().rss / 2 ** 20);
