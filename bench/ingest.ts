import type { Sql } from "../core/database/connection.ts";
import { systemClock } from "../core/clock.ts";
import { MANAGER_HEAP } from "../cli/manager_command.ts";
import { createHost } from "../core/hosts/create_host.ts";
import { testDatabase } from "../testing/database.ts";
import { IngestOrder, IngestResult } from "./ingest_process.ts";
import { loopFigures } from "./loop_delay.ts";
import type { BenchOptions, Figure } from "./measure.ts";
import { PACKAGES, PATCHES, sampleReport } from "./sample_report.ts";

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
  const size = `${hosts.toLocaleString("en")} reports (${PATCHES} patches, ${PACKAGES} packages)`;
  const result = await landApart({ url: database.url("patch_fleet"), ids });
  const figures: Figure[] = [
    { name: `${size}, first time`, value: result.first_s, unit: "s", target: 60 },
    { name: "most memory of the process that lands them", value: result.peak, unit: "MiB", target: 400 },
    { name: `${size}, unchanged`, value: result.unchanged_s, unit: "s", target: null },
    ...loopFigures("what lands reports", result.late),
  ];
  await database.sql`vacuum analyze`;
  const per_host = (await sizeOf(database.sql) - empty) / hosts / 1024;
  const rows = ["host_patches", "host_packages"].map(async (table): Promise<Figure> => {
    const [row] = await database.sql`
      select pg_total_relation_size(${table}::regclass)::float8 / count(*) as bytes from ${database.sql(table)}`;
    return { name: `one row of ${table} with its indexes`, value: row.bytes, unit: "B", target: null };
  });
  const sample = sampleReport(0);
  const wire = JSON.stringify(sample.patches).length + JSON.stringify(sample.packages).length;
  return [
    ...figures,
    { name: "database per host", value: per_host, unit: "KiB", target: null },
    ...await Promise.all(rows),
    { name: "one report as JSON", value: wire / 1024, unit: "KiB", target: null },
  ];
}

async function sizeOf(sql: Sql): Promise<number> {
  const [row] = await sql`select pg_database_size(current_database())::float8 as bytes`;
  return row.bytes;
}

/** In a process with the heap of the manager's roles, so that its memory is what theirs would be. */
async function landApart(order: { url: string; ids: string[] }) {
  const path = new URL("ingest_process.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", MANAGER_HEAP, path],
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(IngestOrder.parse(order))));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("The process that lands reports has failed.");
  return IngestResult.parse(JSON.parse(new TextDecoder().decode(stdout)));
}
