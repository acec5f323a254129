import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { transaction } from "../database/connection.ts";
import { systemClock } from "../clock.ts";
import { lockContents } from "./contents_store.ts";
import { pruneContents } from "./prune_contents.ts";
import { recordReport } from "./record_report.ts";
import { type TestDatabase } from "../../testing/database.ts";
import { createHost } from "../hosts/create_host.ts";
import { Patch } from "../../protocol/api.ts";

async function reportingHost(database: TestDatabase): Promise<string> {
  return await transaction(database.web, (tx) =>
    createHost(tx, {
      fqdn: "web-01.example.org",
      address: "192.0.2.1",
      port: 12443,
      tls_name: "web-01.example.org",
      source: "manual",
      viewer: null,
      first_poll_at: systemClock.now(),
    }, systemClock));
}

/** A report with one pending update of each name, and one installed package. */
function report(...names: string[]) {
  const patches = names.map((name) =>
    Patch.parse({ name, arch: "amd64", current_version: "1", available_version: "2", severity: "unknown" })
  );
  const packages = [{ name: "installed", version: "1", arch: "amd64" }];
  return { patches: { patches }, packages, etags: { patches: null, packages: null } };
}

const left = async (database: TestDatabase) => ({
  offers: (await database.sql`select 1 from update_offers`).length,
  packages: (await database.sql`select name from packages order by name`).map(({ name }) => name),
});

Deno.test("what no host refers to goes after a day, as the fleet's login; what one has stays", async () => {
  await using database = await testDatabase();
  const host = await reportingHost(database);
  const land = (...names: string[]) =>
    recordReport(database.fleet, host, report(...names), { received_at: systemClock.now() });
  await land("kept", "dropped");
  await land("kept");
  assert.deepEqual(await pruneContents(database.fleet), { offers: 0, packages: 0 }, "a young offer may come back");
  await database.setNow(systemClock.now().add({ hours: 25 }));
  assert.deepEqual(await pruneContents(database.fleet), { offers: 1, packages: 1 });
  assert.deepEqual(await left(database), { offers: 1, packages: ["installed", "kept"] });
  await land("kept", "dropped");
  assert.equal((await left(database)).offers, 2, "and it can come again");
});

Deno.test("a host that names a thousand new packages costs nothing for ever: batches until none is left", async () => {
  await using database = await testDatabase();
  const host = await reportingHost(database);
  const names = Array.from({ length: 1_000 }, (_, n) => `flood-${n}`);
  await recordReport(database.fleet, host, report(...names), { received_at: systemClock.now() });
  await recordReport(database.fleet, host, report("kept"), { received_at: systemClock.now() });
  await database.setNow(systemClock.now().add({ hours: 25 }));
  const turns: number[] = [];
  for (let count = 1; count > 0;) {
    const pruned = await pruneContents(database.fleet, 400);
    count = pruned!.offers + pruned!.packages;
    turns.push(pruned!.offers);
  }
  assert.deepEqual(turns, [400, 400, 200, 0]);
  assert.deepEqual(await left(database), { offers: 1, packages: ["installed", "kept"] });
});

Deno.test("while a report is being written nothing is removed, and reports never wait for each other", async () => {
  await using database = await testDatabase();
  const host = await reportingHost(database);
  await database.setNow(systemClock.now().add({ hours: 25 }));
  await transaction(database.fleet, async (tx) => {
    await lockContents(tx, "shared");
    await recordReport(database.fleet, host, report("beside"), { received_at: systemClock.now() });
    assert.equal(await pruneContents(database.fleet), null, "it gives up and says so");
  });
  assert.notEqual(await pruneContents(database.fleet), null);
});
