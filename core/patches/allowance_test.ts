import assert from "node:assert/strict";
import { PackageList, PatchList } from "../../protocol/api.ts";
import { testDatabase } from "../../testing/database.ts";
import { type FakeClock, fakeClock } from "../../testing/fake_clock.ts";
import { addHost } from "../../testing/job_scenario.ts";
import type { Sql } from "../database/connection.ts";
import { Allowance, NEW_AT_ONCE, NEW_PER_DAY, type Spent, spentAt } from "./allowance.ts";
import { recordReport } from "./record_report.ts";
import { RefusedReport } from "./rules.ts";

const now = Temporal.Instant.from("2026-03-01T12:00:00Z");
const hours = (count: number) => now.subtract({ hours: count });

const SPENT: [string, Spent, number][] = [
  ["never anything", { new_contents: 0, new_contents_at: null }, 0],
  ["right now", { new_contents: 700, new_contents_at: now }, 700],
  ["half a day ago", { new_contents: 6_000, new_contents_at: hours(12) }, 6_000 - NEW_PER_DAY / 2],
  ["long ago", { new_contents: NEW_AT_ONCE, new_contents_at: hours(24 * 30) }, 0],
  ["tomorrow, by a clock that went back", { new_contents: 700, new_contents_at: hours(-24) }, 700],
];
for (const [when, spent, left] of SPENT) {
  Deno.test(`what was spent ${when} counts as ${left}`, () => assert.equal(spentAt(spent, now), left));
}

Deno.test("a host spends up to its allowance, and not one more", () => {
  const allowance = new Allowance({ new_contents: 5, new_contents_at: now }, now);
  assert.equal(allowance.after, null);
  allowance.spend(NEW_AT_ONCE - 6);
  allowance.spend(1);
  assert.deepEqual(allowance.after, { new_contents: NEW_AT_ONCE, new_contents_at: now });
  assert.throws(
    () => allowance.spend(1),
    (error) =>
      error instanceof RefusedReport && /names 19,996 .* no host had before, and may name 19,995/.test(error.message),
  );
});

const packages = (prefix: string, count: number) => {
  const list = Array.from({ length: count }, (_, i) => ({ name: `${prefix}${i}`, version: "1" }));
  return {
    patches: null,
    packages: PackageList.parse({ packages: list }).packages,
    etags: { patches: null, packages: null },
  };
};
const updates = (prefix: string, count: number) => {
  const list = Array.from({ length: count }, (_, i) => ({
    ...{ name: `${prefix}${i}`, current_version: "1", available_version: "2", severity: "unknown" },
  }));
  return { ...packages(prefix, 0), packages: null, patches: PatchList.parse({ patches: list }) };
};
const send = (
  fleet: Sql,
  host: string,
  report: ReturnType<typeof packages> | ReturnType<typeof updates>,
  clock: FakeClock,
) => recordReport(fleet, host, report, { received_at: clock.now() });
const count = async (sql: Sql) =>
  (await sql`select (select count(*)::int from packages) as names, (select count(*)::int from update_offers) as offers`)[
    0
  ];

Deno.test("50,000 new names in every report: one is refused, the rest of the fleet goes on", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  const clock = fakeClock();
  const [hostile, good] = [await addHost(sql), await addHost(sql)];
  for (const id of [hostile, good]) await sql`insert into host_patch_data (host_id) values (${id})`;
  for (const id of [hostile, good]) await sql`insert into host_counters (host_id) values (${id})`;
  await assert.rejects(send(fleet, hostile, packages("evil", 50_000), clock), RefusedReport);
  assert.deepEqual({ ...await count(sql) }, { names: 0, offers: 0 }, "nothing of it was kept");
  // Up to the bound it cannot be told from an honest first report; afterwards only so many a day.
  await send(fleet, hostile, packages("evil", NEW_AT_ONCE), clock);
  await assert.rejects(send(fleet, hostile, packages("more", 1), clock), /no host had before, and may name 0 now/);
  await send(fleet, hostile, packages("evil", 100), clock);
  await send(fleet, good, packages("evil", 300), clock);
  const spent = await sql`select new_contents from host_patch_data order by new_contents`;
  assert.deepEqual(spent.map((row) => row.new_contents), [0, NEW_AT_ONCE], "known names cost nothing");
  clock.advance({ hours: 24 });
  await assert.rejects(send(fleet, hostile, packages("more", NEW_PER_DAY + 1), clock), RefusedReport);
  await send(fleet, hostile, packages("more", NEW_PER_DAY), clock);
  assert.equal((await count(sql)).names, NEW_AT_ONCE + NEW_PER_DAY);
});

Deno.test("names and offers of updates count, each once, and a refusal takes both back", async () => {
  await using database = await testDatabase();
  const { sql, fleet } = database;
  const clock = fakeClock();
  const host = await addHost(sql);
  await sql`insert into host_patch_data (host_id) values (${host})`;
  await sql`insert into host_counters (host_id) values (${host})`;
  await assert.rejects(send(fleet, host, updates("u", NEW_AT_ONCE / 2 + 1), clock), RefusedReport);
  assert.deepEqual({ ...await count(sql) }, { names: 0, offers: 0 });
  await send(fleet, host, updates("u", 30), clock);
  await send(fleet, host, updates("u", 30), clock);
  const [{ new_contents }] = await sql`select new_contents from host_patch_data`;
  assert.equal(new_contents, 60);
});
