import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import { createHost } from "../core/hosts/create_host.ts";
import { recordReport } from "../core/patches/record_report.ts";
import { PackageList, PatchList } from "../protocol/api.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { waitFor } from "../testing/wait_for.ts";

const HOSTS = 300;
const PATCHES = 40;
const PACKAGES = 600;
/** Different packages in the whole fleet: the first few reports name all of them, at the same moment. */
const NAMES = 2_000;
/** As many as the poller has hosts under way. */
const AT_ONCE = 64;
/** Each fleet role has so many connections. */
const CONNECTIONS = 8;
/** What only changed contents touch. */
const CONTENTS = ["packages", "update_offers", "host_packages", "host_patches", "host_counters"];

/** A host's report: names overlap between hosts and come in another order from each, which is what deadlocks need. */
function report(host: number, version: number) {
  const name = (i: number) => `package-${(i * 13 + host * 7) % NAMES}`;
  const turned = <T>(list: T[]) => host % 2 === 0 ? list : list.reverse();
  const patches = PatchList.parse({
    patches: turned(Array.from({ length: PATCHES }, (_, i) => ({
      name: name(i),
      arch: "amd64",
      current_version: "1.0-1",
      available_version: `1.${version}-2`,
      severity: ["critical", "high", "medium", "unknown"][i % 4],
      severity_source: "vendor-advisory",
      security: i % 3 === 0,
      cve_ids: i % 3 === 0 ? [`CVE-2026-99${1000 + i}`] : [],
      repository: ["stable-security/main"],
      size_bytes: 100_000,
    }))),
    index_age_seconds: 5,
    state: "ok",
  });
  const { packages } = PackageList.parse({
    packages: turned(
      Array.from(
        { length: PACKAGES },
        (_, i) => ({ name: name(i), arch: "amd64", version: `1.${version}-${host % 5}` }),
      ),
    ),
  });
  return { patches, packages, etags: { patches: `"${host}-${version}"`, packages: null } };
}

async function addHosts(database: TestDatabase): Promise<string[]> {
  const ids: string[] = [];
  await database.web.begin(async (tx) => {
    for (let i = 0; i < HOSTS; i++) {
      const fqdn = `host-${i}.example.org`;
      const address = `10.20.${i >> 8}.${i & 255}`;
      const registration = { fqdn, address, port: 12_443, tls_name: fqdn, source: "manual" as const, viewer: null };
      const more = { first_poll_at: systemClock.now(), granted_group_ids: [] };
      ids.push(await createHost(tx, { ...registration, ...more }, systemClock));
    }
    // A connection hands in what it counted up to ten seconds later, in the middle of a step, unless it is told not to.
    await tx`select pg_stat_force_next_flush()`;
  });
  return ids;
}

/** Two fleet roles land these reports, as many at once as they may have under way. Answers what they said. */
async function landAll(database: TestDatabase, ids: string[], reports: ReturnType<typeof report>[]) {
  const roles: Sql[] = [];
  for (let n = 0; n < 2; n++) {
    roles.push(await connect({ url: database.url("patch_fleet"), max: CONNECTIONS, application_name: `fleet ${n}` }));
  }
  // Every tenth twice at the same moment: a lease that ran out while its report was on the way.
  const queue = ids.flatMap((id, n) =>
    (n % 10 === 0 ? [0, 1] : [n % 2]).map((role) => ({ id, report: reports[n], role: roles[role] }))
  );
  const landed = { changed: 0, unchanged: 0 };
  const work = queue.values();
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const { id, report, role } of work) {
        const done = await recordReport(role, id, report, { received_at: systemClock.now() });
        assert.equal(done.accepted, true);
        landed[done.packages_changed || done.patches_changed ? "changed" : "unchanged"] += 1;
      }
    }));
  } finally {
    // A session that ends also hands in what it counted, a moment after its client has gone.
    await Promise.all(roles.map((role) => role.end({ timeout: 5 })));
    const sessions = () =>
      database.sql`
      select from pg_stat_activity where datname = current_database() and application_name like 'fleet _'`;
    await waitFor("sessions that end", async () => (await sessions()).length === 0);
  }
  return { ...landed, total: queue.length };
}

interface Counted {
  reads: Record<string, number>;
  writes: Record<string, number>;
  deadlocks: number;
}

async function counted({ sql }: TestDatabase): Promise<Counted> {
  await sql`select pg_stat_clear_snapshot()`;
  const rows = await sql`
    select relname, coalesce(seq_scan, 0)::int + coalesce(idx_scan, 0)::int as reads,
      (n_tup_ins + n_tup_upd + n_tup_del)::int as writes
    from pg_stat_user_tables`;
  const [{ deadlocks }] = await sql`
    select deadlocks::int from pg_stat_database where datname = current_database()`;
  return {
    reads: Object.fromEntries(rows.map((row) => [row.relname, row.reads])),
    writes: Object.fromEntries(rows.map((row) => [row.relname, row.writes])),
    deadlocks,
  };
}

/** What rose, and by how much. */
function grown(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]).filter(([, value]) =>
      value !== 0
    ),
  );
}

Deno.test(`${HOSTS} reports of ${PATCHES} patches and ${PACKAGES} packages at once, three times`, async (t) => {
  await using database = await testDatabase();
  const ids = await addHosts(database);
  const first = ids.map((_, n) => report(n, 0));

  await t.step("first ones: all land, nobody waits in a circle", async () => {
    const landed = await landAll(database, ids, first);
    assert.deepEqual(landed, { changed: HOSTS, unchanged: HOSTS / 10, total: HOSTS + HOSTS / 10 });
    assert.equal((await counted(database)).deadlocks, 0);
    const row = await database.sql.begin(async (tx) => {
      // Otherwise what is read here is handed in seconds later, and counts for the next step.
      await tx`select pg_stat_force_next_flush()`;
      const [row] = await tx`
        select (select count(*)::int from host_packages) as packages,
          (select count(*)::int from host_patches) as patches,
          (select count(*)::int from host_patch_data where received_at is not null) as reports,
          (select count(*)::int from packages) as names`;
      return row;
    });
    assert.deepEqual({ ...row }, {
      packages: HOSTS * PACKAGES,
      patches: HOSTS * PATCHES,
      reports: HOSTS,
      names: NAMES,
    });
  });

  await t.step(
    "unchanged ones: one read of the host's own row, one write of it, and nothing of the contents",
    async () => {
      await database.sql`analyze`;
      const before = await counted(database);
      const landed = await landAll(database, ids, first);
      assert.deepEqual(landed, { changed: 0, unchanged: HOSTS + HOSTS / 10, total: HOSTS + HOSTS / 10 });
      const after = await counted(database);
      const reads = grown(before.reads, after.reads);
      for (const name of CONTENTS) assert.equal(reads[name] ?? 0, 0, `${name} was read`);
      assert.deepEqual(grown(before.writes, after.writes), { host_patch_data: landed.total });
      assert.ok(reads.host_patch_data <= 2 * landed.total, "once to compare, once by the update");
      assert.equal(after.deadlocks, 0);
    },
  );

  await t.step("changed ones, everything new: all land again", async () => {
    const landed = await landAll(database, ids, ids.map((_, n) => report(n, 1)));
    assert.equal(landed.changed, HOSTS);
    const { deadlocks } = await counted(database);
    assert.equal(deadlocks, 0);
  });
});
