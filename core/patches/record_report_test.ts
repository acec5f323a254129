import assert from "node:assert/strict";
import { PackageList, PatchList } from "../../protocol/api.ts";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { connect, type Sql } from "../database/connection.ts";
import { createHost } from "../hosts/create_host.ts";
import { recordRefusal } from "./record_refusal.ts";
import { recordReport } from "./record_report.ts";
import { RefusedReport } from "./rules.ts";
import type { Report } from "./types.ts";

const clock = fakeClock();
let last = 0;

async function newHost(sql: Sql): Promise<string> {
  const address = `10.0.${++last >> 8}.${last & 255}`;
  return await sql.begin((tx) =>
    createHost(tx as never, {
      fqdn: `host${last}.example`,
      address,
      port: 12443,
      tls_name: address,
      source: "manual",
      viewer: null,
      first_poll_at: clock.now(),
    }, clock)
  ) as string;
}

function report(patches: Record<string, unknown>[] | null, packages: Record<string, unknown>[] | null): Report {
  const list = patches && PatchList.parse({
    patches: patches.map((patch) => ({ current_version: "1", available_version: "2", severity: "unknown", ...patch })),
    index_age_seconds: 60,
    state: "ok",
  });
  return {
    patches: list,
    packages: packages && PackageList.parse({ packages: packages.map((item) => ({ version: "1", ...item })) }).packages,
    etags: { patches: patches && '"p1"', packages: packages && '"i1"' },
  };
}

/** Every version of every row that a report may write: unchanged means that none of these changed. */
async function rowVersions(sql: Sql, host: string): Promise<string[]> {
  const rows = await sql`
    select 'packages' as t, ctid::text as c, xmin::text as x, xmax::text as m from host_packages where host_id = ${host}
    union all select 'patches', ctid::text, xmin::text, xmax::text from host_patches where host_id = ${host}
    union all select 'counters', ctid::text, xmin::text, xmax::text from host_counters where host_id = ${host}
    union all select 'offers', ctid::text, xmin::text, null from update_offers
    union all select 'names', ctid::text, xmin::text, null from packages
    order by 1, 2`;
  return rows.map((row) => JSON.stringify(row));
}

const events = async (sql: Sql) =>
  (await sql`select topic, kind from live_events order by seq`).map((row) => `${row.topic.split(":")[0]} ${row.kind}`);

Deno.test("a first report lands whole, as the fleet's login", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const received_at = clock.now();
  const landed = await recordReport(
    database.fleet,
    host,
    report(
      [
        {
          name: "openssl",
          arch: "amd64",
          security: true,
          severity: "high",
          severity_source: "vendor-advisory",
          cve_ids: ["CVE-2026-0001", "CVE-2026-0002"],
          repository: ["security", "main"],
          size_bytes: 1000,
          new_dependencies: ["libnew", 'a,"b}'],
        },
        { name: "vim", arch: "amd64", held: true },
      ],
      [{ name: "openssl", arch: "amd64", held: true, size_bytes: 5, install_date: "2026-01-01T00:00:00Z" }, {
        name: "vim",
      }],
    ),
    { received_at },
  );
  assert.deepEqual(landed, { accepted: true, patches_changed: true, packages_changed: true });
  const [counters] = await database.sql`select * from host_counters where host_id = ${host}`;
  assert.deepEqual(
    [
      counters.installed,
      counters.pending,
      counters.installable,
      counters.security,
      counters.high,
      counters.held,
      counters.cves,
    ],
    [2, 2, 1, 1, 1, 1, 2],
  );
  assert.equal(String(counters.oldest_security_at), String(received_at));
  const [openssl] = await database.sql`
    select o.cve_ids, o.repositories, o.size_bytes, hp.new_dependencies, hp.current_version, hp.state
    from host_patches hp join update_offers o on o.id = hp.offer_id join packages p on p.id = hp.package_id
    where p.name = 'openssl'`;
  assert.deepEqual({ ...openssl }, {
    cve_ids: ["CVE-2026-0001", "CVE-2026-0002"],
    repositories: ["main", "security"],
    size_bytes: 1000,
    new_dependencies: ['a,"b}', "libnew"],
    current_version: "1",
    state: "installable",
  });
  const [installed] = await database.sql`
    select hp.held, hp.size_bytes, hp.installed_at from host_packages hp join packages p on p.id = hp.package_id
    where p.name = 'openssl'`;
  assert.deepEqual([installed.held, installed.size_bytes, String(installed.installed_at)], [
    true,
    5,
    "2026-01-01T00:00:00Z",
  ]);
  const [data] = await database.sql`select * from host_patch_data where host_id = ${host}`;
  assert.deepEqual([data.patches_etag, data.packages_etag, data.state], ['"p1"', '"i1"', "ok"]);
  assert.equal(data.index_refreshed_at.until(received_at).total("seconds"), 60);
  assert.deepEqual((await events(database.sql)).slice(1), ["host report", "hosts report"]);
});

Deno.test("unchanged content writes no row but the narrow one, in whatever order and shape it comes", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const patches = [{ name: "b", security: true }, { name: "a", cve_ids: ["CVE-2026-0001"] }];
  const packages = [{ name: "b" }, { name: "a", held: true }];
  await recordReport(database.fleet, host, report(patches, packages), { received_at: clock.now() });
  const before = await rowVersions(database.sql, host);
  const heard = (await events(database.sql)).length;
  const later = clock.now().add({ minutes: 30 });
  for (
    const again of [
      report(patches, packages),
      report([...patches].reverse(), [...packages].reverse()),
      report(null, packages),
      report(patches, null),
      report(null, null),
    ]
  ) {
    const landed = await recordReport(database.fleet, host, again, { received_at: later });
    assert.deepEqual(landed, { accepted: true, patches_changed: false, packages_changed: false });
  }
  assert.deepEqual(await rowVersions(database.sql, host), before);
  assert.equal((await events(database.sql)).length, heard, "nothing is told when nothing changed");
  const [data] = await database.sql`select * from host_patch_data where host_id = ${host}`;
  assert.equal(String(data.received_at), String(later));
  assert.deepEqual(
    [data.patches_etag, data.packages_etag, data.state],
    ['"p1"', '"i1"', "ok"],
    "304 keeps what was known",
  );
  await recordReport(database.fleet, host, report(null, null), { received_at: later, requested: true });
  assert.equal((await events(database.sql)).length, heard + 2, "a person who waits is told");
});

Deno.test("a changed report writes only the rows that differ", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const packages = Array.from({ length: 50 }, (_, i) => ({ name: `p${i}`, version: "1" }));
  const patches = Array.from({ length: 20 }, (_, i) => ({ name: `p${i}` }));
  await recordReport(database.fleet, host, report(patches, packages), { received_at: clock.now() });
  const before = await rowVersions(database.sql, host);
  packages[7].version = "2";
  await recordReport(database.fleet, host, report([...patches.slice(1), { name: "p49" }], packages), {
    received_at: clock.now(),
  });
  const after = new Set(await rowVersions(database.sql, host));
  const changed = before.filter((row) => !after.has(row)).map((row) => JSON.parse(row).t);
  assert.deepEqual(changed, ["packages", "patches"], "one package changed, one update gone; pending stays 20");
  const [{ count }] = await database.sql`select count(*) from host_patches where host_id = ${host}`;
  assert.equal(count, 20);
});

Deno.test("everything gone leaves nothing behind and all counters at zero", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  await recordReport(database.fleet, host, report([{ name: "a", security: true }], [{ name: "a" }]), {
    received_at: clock.now(),
  });
  await recordReport(database.fleet, host, report([], []), { received_at: clock.now() });
  const [row] = await database.sql`
    select (select count(*) from host_packages) as packages, (select count(*) from host_patches) as patches,
      installed, pending, security, oldest_security_at from host_counters`;
  assert.deepEqual({ ...row }, {
    packages: 0,
    patches: 0,
    installed: 0,
    pending: 0,
    security: 0,
    oldest_security_at: null,
  });
});

Deno.test("first_seen_at stays while the version is the same, whatever becomes known of it", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const start = clock.now();
  const at = (hours: number) => ({ received_at: start.add({ hours }) });
  const seen = async () => {
    const [row] = await database.sql`select first_seen_at from host_patches`;
    return row.first_seen_at.since(start).total("hours");
  };
  await recordReport(database.fleet, host, report([{ name: "a" }], []), at(0));
  await recordReport(
    database.fleet,
    host,
    report([{ name: "a", severity: "high", cve_ids: ["CVE-2026-1234"] }], []),
    at(1),
  );
  assert.equal(await seen(), 0, "an advisory that was published later");
  await recordReport(database.fleet, host, report([{ name: "a", held: true }], []), at(2));
  assert.equal(await seen(), 0, "a hold");
  await recordReport(database.fleet, host, report([{ name: "a", available_version: "3" }], []), at(3));
  assert.equal(await seen(), 3, "another version");
});

Deno.test("since when the oldest security and critical update is pending is kept with every report", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const start = clock.now();
  const vendor = { severity: "critical", severity_source: "vendor-advisory" };
  const steps: [string, Record<string, unknown>[], [security: number | null, critical: number | null]][] = [
    ["nothing of both", [{ name: "a" }, { name: "b" }], [null, null]],
    ["security alone", [{ name: "a", security: true }, { name: "b" }], [0, null]],
    ["critical by a guess", [{ name: "a", severity: "critical", severity_source: "unverified" }], [null, null]],
    ["critical by its vendor, known later", [{ name: "a", ...vendor }], [null, 0]],
    ["another one, newer", [{ name: "a", ...vendor }, { name: "c", security: true, ...vendor }], [4, 0]],
    ["the older one is installed", [{ name: "c", security: true, ...vendor }], [4, 4]],
    ["a newer version of it", [{ name: "c", available_version: "3", security: true, ...vendor }], [6, 6]],
    ["nothing is pending", [], [null, null]],
  ];
  for (const [hours, [what, patches, expected]] of steps.entries()) {
    await recordReport(database.fleet, host, report(patches, []), { received_at: start.add({ hours }) });
    const [row] = await database.sql`select oldest_security_at, oldest_critical_at from host_counters`;
    const since = [row.oldest_security_at, row.oldest_critical_at].map((at) => at && at.since(start).total("hours"));
    assert.deepEqual(since, expected, what);
  }
});

Deno.test("offers are stored once for the fleet", async () => {
  await using database = await testDatabase();
  const hosts = [await newHost(database.web), await newHost(database.web)];
  for (const host of hosts) {
    await recordReport(database.fleet, host, report([{ name: "a", security: true }], []), { received_at: clock.now() });
  }
  const [row] = await database.sql`
    select (select count(*) from update_offers) as offers, (select count(*) from packages) as packages,
      (select count(*) from host_patches) as patches`;
  assert.deepEqual({ ...row }, { offers: 1, packages: 1, patches: 2 });
});

Deno.test("64 reports with the same new packages at once: no deadlock, each package once", async () => {
  await using database = await testDatabase();
  const hosts: string[] = [];
  for (let i = 0; i < 64; i++) hosts.push(await newHost(database.web));
  const many = await connect({ url: database.url("patch_fleet"), max: 12, application_name: "reports" });
  try {
    const names = Array.from({ length: 120 }, (_, i) => `package-${(i * 7919) % 120}`);
    await Promise.all(hosts.map((host, i) => {
      // Every host lists them in another order, half of them without the patches.
      const turned = [...names.slice(i), ...names.slice(0, i)];
      const patches = turned.slice(0, 40).map((name) => ({ name, available_version: `2.${i % 3}` }));
      const body = report(patches, turned.map((name) => ({ name })));
      return recordReport(many, host, body, { received_at: clock.now() });
    }));
  } finally {
    await many.end();
  }
  // A backend tells of its deadlocks at the latest when it ends.
  await waitFor("the pool to be gone", async () =>
    (await database.sql`
    select from pg_stat_activity where datname = current_database() and application_name = 'reports'`).length === 0);
  const [row] = await database.sql`
    select (select count(*) from packages) as packages, (select count(*) from host_packages) as installed,
      (select count(*) from host_patches) as patches,
      (select deadlocks from pg_stat_database where datname = current_database()) as deadlocks`;
  assert.deepEqual({ ...row }, { packages: 120, installed: 64 * 120, patches: 64 * 40, deadlocks: 0 });
});

Deno.test("two reports of one host at once leave one of them, whole", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const one = report([{ name: "a" }, { name: "b" }], [{ name: "a", version: "1" }]);
  const two = report([{ name: "c" }], [{ name: "a", version: "2" }, { name: "d" }]);
  await Promise.all(
    [one, two, one].map((body) => recordReport(database.fleet, host, body, { received_at: clock.now() })),
  );
  const [row] = await database.sql`
    select c.pending, c.installed, (select count(*)::int from host_patches) as patches,
      (select count(*)::int from host_packages) as packages from host_counters c`;
  assert.ok(
    [["2", "1"], ["1", "2"]].some(([p, i]) => `${row.pending} ${row.installed}` === `${p} ${i}`),
    JSON.stringify(row),
  );
  assert.deepEqual([row.patches, row.packages], [row.pending, row.installed]);
});

Deno.test("a refused report changes that host's reason and nothing else; an accepted one clears it", async () => {
  await using database = await testDatabase();
  const [bad, good] = [await newHost(database.web), await newHost(database.web)];
  for (const host of [bad, good]) {
    await recordReport(database.fleet, host, report([{ name: "a" }], []), { received_at: clock.now() });
  }
  const before = await Promise.all([rowVersions(database.sql, bad), rowVersions(database.sql, good)]);
  const hostile = report([{ name: "a", available_version: "--allow-everything" }], []);
  await assert.rejects(() => recordReport(database.fleet, bad, hostile, { received_at: clock.now() }), RefusedReport);
  assert.equal(await recordRefusal(database.fleet, bad, "larger than 16 MiB\u001b[2J" + "x".repeat(5000), clock), true);
  assert.deepEqual(await Promise.all([rowVersions(database.sql, bad), rowVersions(database.sql, good)]), before);
  const rows = await database.sql`select host_id, refused_at, refused_reason from host_patch_data`;
  const of = (host: string) => rows.find((row) => row.host_id === host)!;
  assert.equal(of(bad).refused_reason.length, 2000);
  assert.match(of(bad).refused_reason, /^larger than 16 MiB \[2Jx/);
  assert.deepEqual([of(good).refused_at, of(good).refused_reason], [null, null]);
  await recordReport(database.fleet, bad, report(null, null), { received_at: clock.now() });
  const [{ refused_reason }] = await database.sql`select refused_reason from host_patch_data where host_id = ${bad}`;
  assert.equal(refused_reason, null);
});

Deno.test("a report of a host that was removed meanwhile is dropped", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  await database.sql`update hosts set removed_at = app_now() where id = ${host}`;
  const landed = await recordReport(database.fleet, host, report([{ name: "a" }], []), { received_at: clock.now() });
  assert.equal(landed.accepted, false);
  assert.equal(await recordRefusal(database.fleet, host, "broken", clock), false);
  const [{ count }] = await database.sql`select count(*) from host_patches`;
  assert.equal(count, 0);
});

Deno.test("hostile words land harmlessly, as the fleet's login", async () => {
  await using database = await testDatabase();
  const host = await newHost(database.web);
  const nasty = ["'; drop table hosts; --", '{"a":1}', "\\", "\ud800", "NULL", "{}", "%s", "<script>"];
  await recordReport(
    database.fleet,
    host,
    report(
      nasty.map((text, i) => ({
        name: `p${i}`,
        description: text,
        repository: [text],
        state_reason: text,
        advisory_ids: [text],
        source_package: text,
        new_dependencies: [text],
        current_version: text,
      })),
      nasty.map((text, i) => ({ name: `p${i}`, version: text, source_package: text, arch: text.slice(0, 30) })),
    ),
    { received_at: clock.now() },
  );
  const rows = await database.sql`
    select o.description, o.repositories, hp.state_reason, hp.new_dependencies, hp.current_version
    from host_patches hp join update_offers o on o.id = hp.offer_id join packages p on p.id = hp.package_id order by p.name`;
  const clean = nasty.map((text) => text.toWellFormed());
  assert.deepEqual(rows.map((row) => row.description), clean);
  assert.deepEqual(rows.map((row) => row.repositories[0]), clean);
  assert.deepEqual(rows.map((row) => row.new_dependencies[0]), clean);
  assert.deepEqual(rows.map((row) => row.current_version), clean);
});
