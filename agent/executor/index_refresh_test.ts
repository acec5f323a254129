import assert from "node:assert/strict";
import { rfc3339, systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { publish } from "../../demo/sandbox.ts";
import { SystemInfo } from "../../protocol/api.ts";
import { aptTest, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { openExecutor } from "./executor_fixture_test.ts";
import { gatedMirror } from "./gated_mirror_fixture_test.ts";
import { createHostFacts } from "./host_facts.ts";
import { createIndexRefresh } from "./index_refresh.ts";
import { openJobStore } from "./job_store.ts";

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

aptTest("a refresh that takes long fails no question, and is told", async () => {
  await using mirror = await gatedMirror();
  const { bed } = mirror;
  let ahead = 0;
  const clock = { now: () => systemClock.now().add({ seconds: ahead }) };
  const folder = `${bed.folder}/state`;
  await Deno.mkdir(folder);
  const index = createIndexRefresh({ folder, manager: bed.apt, clock, log: silentLog, lock_timeout_seconds: 0 });
  const facts = createHostFacts({
    ...{ root: bed.root, manager: bed.apt, index, clock, version: "0.0.0" },
    store: openJobStore(folder, clock),
  });
  mirror.hold(/Release$/);
  assert.equal(await index.ensureWithin(0, 100), false);
  await mirror.held();
  assert.ok(index.running_since !== null);
  assert.equal((await facts.patches()).index_error, null, "a short one is not worth a word");
  ahead = 21;
  const during = await facts.patches();
  assert.equal(during.total, 13, "what was known before");
  assert.match(during.index_error!, /under way for 2\d s; this list is from before/);
  assert.equal((await facts.health()).status, "healthy");
  mirror.release();
  assert.equal(await index.refresh(), null, "it went on by itself");
  assert.deepEqual([index.running_since, (await facts.patches()).index_error], [null, null]);
  assert.equal(await index.ensureWithin(3600, 100), true);
});

sandboxTest("a clock that starts in 1970 is told, not taken for a fresh index", async (bed) => {
  const executor = openExecutor(bed, { now: () => Temporal.Instant.from("1970-01-01T00:03:00Z") });
  const health = await executor.health();
  assert.deepEqual([health.checks!.clock, health.status, health.cache_status], ["skewed", "degraded", "unknown"]);
  assert.match(health.problems![0], /The clock stands wrong: it says 1970-01-01T00:03:00Z\. Set it/);
  await executor.close();
});

sandboxTest("the system says what it is; services only where somebody knows", async (bed) => {
  const executor = openExecutor(bed);
  const info = SystemInfo.parse(await executor.systemInfo());
  assert.deepEqual([info.init_system, info.virtualization, info.services_to_restart], ["none", null, undefined]);
  assert.deepEqual([info.hostname, info.os_id, info.pending_reboot, info.reboot_reasons], [
    "sandbox",
    "sandbox",
    false,
    [],
  ]);
  assert.ok(
    info.disk_free!["/var"] > 0 && info.kernel && info.boot_id && info.boot_time && info.package_manager?.version,
  );
  const batch =
    "NEEDRESTART-VER: 3.6\nNEEDRESTART-KEXP: 6.1.0-21-amd64\nNEEDRESTART-KSTA: 3\nNEEDRESTART-SVC: ssh.service\n";
  await Deno.writeTextFile(`${bed.root}/run/needrestart.batch`, batch);
  const later = await executor.systemInfo();
  assert.deepEqual([later.services_to_restart, later.pending_reboot], [["ssh.service"], true]);
  assert.match(later.reboot_reasons![0], /Kernel 6\.1\.0-21-amd64 is installed/);
  await Deno.writeTextFile(`${bed.root}/run/reboot-required`, "");
  await Deno.writeTextFile(`${bed.root}/run/reboot-required.pkgs`, "libc6\n");
  assert.match((await executor.systemInfo()).reboot_reasons![0], /Asked for by libc6/);
  await executor.close();
});
