import assert from "node:assert/strict";
import { Patch } from "../../protocol/api.ts";
import { addSceneHost } from "../../testing/fleet_scene.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { transaction } from "../database/connection.ts";
import type { Tx } from "../database/types.ts";
import { offerIds, packageIds, replacePatches } from "./contents_store.ts";
import { normalisePatches } from "./rules.ts";

const freely = { spend: () => {} };

/**
 * Three transactions: one holds the middle of three new keys, two others want all three in opposite orders and get
 * stuck at the middle. When it is let go they would wait for each other crosswise, if they took keys as they come.
 */
async function crossing<K>(
  database: TestDatabase,
  keys: [K, K, K],
  take: (tx: Tx, keys: K[]) => Promise<Map<string, number>>,
): Promise<Map<string, number>[]> {
  const letGo = Promise.withResolvers<void>();
  const holds = Promise.withResolvers<void>();
  const holder = transaction(database.fleet, async (tx) => {
    await take(tx, [keys[1]]);
    holds.resolve();
    await letGo.promise;
  });
  await holds.promise;
  // One attempt: a collision must not be hidden by trying again.
  const both = Promise.allSettled(
    [keys, [...keys].reverse()].map((order) => transaction(database.fleet, (tx) => take(tx, order), { attempts: 1 })),
  );
  await waitFor("both to be stuck", async () => {
    const [{ stuck }] = await database.sql`
      select count(distinct l.pid)::int as stuck
      from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where a.datname = current_database() and not l.granted`;
    return stuck === 2;
  }).finally(() => letGo.resolve());
  await holder;
  return (await both).map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

Deno.test("new packages in opposite orders: nobody waits crosswise", async () => {
  await using database = await testDatabase();
  const keys = ["a", "m", "z"].map((name) => ({ name, arch: "amd64" })) as [
    { name: string; arch: string },
    never,
    never,
  ];
  const [one, two] = await crossing(database, keys, (tx, list) => packageIds(tx, list, freely));
  assert.equal(one.size, 3);
  assert.deepEqual(new Map([...one].sort()), new Map([...two].sort()), "the same identifiers for both");
});

Deno.test("new offers in opposite orders: nobody waits crosswise", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const patches = normalisePatches(
    ["a", "b", "c"].map((name) =>
      Patch.parse({ name, current_version: "1", available_version: "2", severity: "unknown" })
    ),
  );
  // By hash, because that is the order in which they are taken.
  patches.sort((x, y) => x.offer_hash < y.offer_hash ? -1 : 1);
  const packages = await transaction(
    database.fleet,
    (tx) => packageIds(tx, patches.map((patch) => patch.offer), freely),
  );
  const [first, middle, last] = patches;
  const [one, two] = await crossing(
    database,
    [first, middle, last],
    (tx, list) => offerIds(tx, list, packages, clock.now(), freely),
  );
  assert.equal(one.size, 3);
  assert.deepEqual(new Map([...one].sort()), new Map([...two].sort()));
});

Deno.test("the same key twice in one list is one package", async () => {
  await using database = await testDatabase();
  const key = { name: "a", arch: "" };
  const ids = await transaction(database.fleet, (tx) => packageIds(tx, [key, { ...key }, key], freely));
  assert.equal(ids.size, 1);
  assert.equal((await database.sql`select from packages`).length, 1);
});

Deno.test("more updates than one statement takes: all are there, and the same ones again write nothing", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  const host = await addSceneHost(database, clock, "h");
  const patches = normalisePatches(
    Array.from(
      { length: 1_203 },
      (_, index) =>
        Patch.parse({ name: `p${index}`, current_version: "1", available_version: "2", severity: "unknown" }),
    ),
  );
  const land = () =>
    transaction(database.fleet, async (tx) => {
      const packages = await packageIds(tx, patches.map((patch) => patch.offer), freely);
      const offers = await offerIds(tx, patches, packages, clock.now(), freely);
      assert.equal(offers.size, patches.length);
      await replacePatches(tx, host, patches, packages, offers, clock.now());
    });
  const stored = () =>
    database.sql`
      select p.name, encode(o.hash, 'hex') as hash, hp.xmin::text as written
      from host_patches hp join packages p on p.id = hp.package_id
        join update_offers o on o.id = hp.offer_id and o.package_id = p.id
      where hp.host_id = ${host}`;
  await land();
  const first = await stored();
  assert.deepEqual(
    new Map(first.map((row) => [row.name, row.hash])),
    new Map(patches.map((patch) => [patch.offer.name, patch.offer_hash])),
  );
  await land();
  const again = await stored();
  assert.deepEqual(
    new Map(again.map((row) => [row.name, row.written])),
    new Map(first.map((row) => [row.name, row.written])),
  );
  patches.splice(0, 700);
  await land();
  assert.deepEqual(new Set((await stored()).map((row) => row.name)), new Set(patches.map(({ offer }) => offer.name)));
});
