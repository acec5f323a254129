import assert from "node:assert/strict";
import { rfc3339, systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { publish } from "../../demo/sandbox.ts";
import { sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor } from "./executor_fixture_test.ts";
import { createIndexRefresh } from "./index_refresh.ts";

sandboxTest("the index is refreshed when it is too old, and only then", async (bed) => {
  let ahead = 0;
  const clock = { now: () => systemClock.now().add({ seconds: ahead }) };
  const executor = openExecutor(bed, clock);
  await publish(bed.repository, { name: "curlew", version: "9-1", suite: "lab-updates", description: "newer" });
  const offered = async (max_index_age_seconds?: number) => {
    const list = await executor.patches({ max_index_age_seconds });
    return list.patches.find((patch) => patch.name === "curlew")!.available_version;
  };
  assert.equal(await offered(), "7.88.1-11");
  assert.equal(await offered(3600), "7.88.1-11");
  ahead = 7200;
  const before = await executor.patches({});
  assert.ok(before.index_age_seconds! >= 7190 && before.index_age_seconds! < 7300, String(before.index_age_seconds));
  assert.equal(await offered(3600), "9-1");
  assert.ok((await executor.patches({})).index_age_seconds! < 60);
  ahead = 7200 + 47 * 3600;
  assert.equal((await executor.health()).cache_status, "fresh");
  ahead = 7200 + 49 * 3600;
  const stale = await executor.health();
  assert.deepEqual([stale.cache_status, stale.status], ["stale", "degraded"]);
  assert.match(stale.problems![0], /index is 49 hours old.*Refresh the host/);
  ahead = -7200;
  const skewed = await executor.health();
  assert.deepEqual([skewed.checks?.clock, skewed.status], ["skewed", "degraded"]);
  assert.match(skewed.problems![0], /clock stands wrong/);
  const unknown = await executor.patches({});
  assert.equal(unknown.index_age_seconds, null, "from the future is not fresh");
  assert.match(unknown.index_error!, /from the future/);
  assert.ok((await executor.patches({ max_index_age_seconds: 3600 })).index_age_seconds! < 60, "it is refreshed");
  assert.equal((await executor.health()).checks?.clock, "ok", "older files from the future are no concern any more");
  await executor.close();
});

sandboxTest("callers at once share one refresh; its record survives, also damaged", async (bed) => {
  const folder = `${bed.folder}/state`;
  await Deno.mkdir(folder);
  let calls = 0;
  const manager = { ...bed.apt, refreshCall: () => (calls++, bed.apt.refreshCall()) };
  const make = () =>
    createIndexRefresh({ folder, manager, clock: systemClock, log: silentLog, lock_timeout_seconds: 0 });
  const first = make();
  assert.deepEqual(await Promise.all([first.refresh(), first.refresh(), first.ensure(-1)]), [null, null, null]);
  assert.equal(calls, 1);
  const success = await first.lastSuccess();
  assert.equal(await make().lastSuccess(), success);
  await Deno.writeTextFile(`${folder}/refresh.json`, '{"success_ms":"x"');
  const again = await make().lastSuccess();
  assert.ok(again !== null && again <= success!, rfc3339(systemClock.now()));
});

sandboxTest("without any index the list says so instead of no updates", async (bed) => {
  for await (const entry of Deno.readDir(`${bed.root}/var/lib/apt/lists`)) {
    if (entry.isFile) await Deno.remove(`${bed.root}/var/lib/apt/lists/${entry.name}`);
  }
  const executor = openExecutor(bed);
  const list = await executor.patches({});
  assert.deepEqual([list.total, list.index_age_seconds], [0, null]);
  assert.match(list.index_error!, /never fetched/);
  const health = await executor.health();
  assert.deepEqual([health.cache_status, health.status, health.last_cache_update], ["unknown", "degraded", null]);
  assert.match(health.problems![0], /never fetched on this host. Refresh/);
  assert.equal((await executor.patches({ max_index_age_seconds: 60 })).total, 13);
  await executor.close();
});
