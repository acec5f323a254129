import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { publish } from "../../demo/sandbox.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { aptTest, isThere, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { OperationError } from "../host_operations.ts";
import { endOf, openExecutor, order, runToEnd } from "./executor_fixture_test.ts";
import { gatedMirror } from "./gated_mirror_fixture_test.ts";

function refusedWith(code: string, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  };
}

sandboxTest("an order that may not start is refused before a job exists", async (bed) => {
  const executor = openExecutor(bed);
  const { agent } = await executor.health();
  await assert.rejects(
    executor.start(order("s", { state_id: crypto.randomUUID() })),
    refusedWith("STATE_CHANGED", /new one/),
  );
  await assert.rejects(executor.start(order("d", { deadline_ms: 1000 })), refusedWith("DEADLINE_PASSED", /Nothing/));
  for (const name of ["nginx", "curlew-", "curl*", "?installed", "~i", "libtessera3:armhf", "CURLEW", "a"]) {
    const wanted = order("n", { packages: ["curlew", name] });
    await assert.rejects(executor.start(wanted), refusedWith("PKG_NOT_FOUND", /Not installed/), name);
  }
  assert.deepEqual(await executor.jobs(), []);
  const fine = await runToEnd(
    executor,
    order("ok", { state_id: agent!.state_id!, packages: ["curlew"], deadline_ms: 1e15 }),
  );
  assert.equal(fine.status, "completed");
  await executor.close();
});

sandboxTest("a job that waits past its deadline starts nothing; the queue has an end", async (bed) => {
  let ahead = 0;
  const clock = { now: () => systemClock.now().add({ milliseconds: ahead }) };
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const executor = openExecutor(bed, clock);
  const slow = await executor.start(order("slow", { packages: ["heron-database"] }));
  const deadline_ms = clock.now().epochMilliseconds + 60_000;
  const late = await executor.start(order("late", { packages: ["curlew"], deadline_ms }));
  assert.deepEqual([late.status, late.phase], ["pending", "queued"]);
  for (let index = 1; index < 16; index++) await executor.start(order(`q${index}`, { dry_run: true }));
  await assert.rejects(executor.start(order("q16", { dry_run: true })), refusedWith("QUEUE_FULL", /16 jobs/));
  assert.equal(
    (await executor.start(order("q3"))).run_id,
    "q3",
    "a known run id is answered even when the queue is full",
  );
  await assert.rejects(executor.remove(late.job_id), refusedWith("DELETE_NOT_ALLOWED", /not ended/));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  ahead = 120_000;
  for (const job of await executor.jobs()) if (/^q/.test(job.run_id)) await executor.cancel(job.job_id);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await endOf(executor, slow.job_id)).status, "completed");
  const missed = await endOf(executor, late.job_id);
  assert.deepEqual([missed.status, missed.error_code], ["failed", "TIMEOUT"]);
  assert.equal(await bed.version("curlew"), "7.88.1-10");
  await executor.close();
});

sandboxTest("too late to cancel once packages change; a second job waits; the job still succeeds", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const executor = openExecutor(bed);
  const slow = await executor.start(order("slow", { packages: ["heron-database"] }));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  const waiting = await executor.start(order("second", { packages: ["curlew"] }));
  await assert.rejects(executor.cancel(slow.job_id), refusedWith("CANCEL_TOO_LATE", /being installed/));
  assert.equal((await executor.health()).checks?.package_manager, "locked");
  assert.equal((await executor.cancel(waiting.job_id)).status, "cancelled");
  await assert.rejects(executor.cancel(waiting.job_id), refusedWith("CANCEL_TOO_LATE", /ended/));
  await assert.rejects(executor.cancel(crypto.randomUUID()), refusedWith("JOB_NOT_FOUND", /no such job/));
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await endOf(executor, slow.job_id)).status, "completed");
  assert.equal(await bed.version("heron-database"), "15.5-0");
  await executor.close();
});

aptTest("cancelled while it downloads or refreshes, nothing has changed", async (t) => {
  await using mirror = await gatedMirror();
  const { bed } = mirror;
  const executor = openExecutor(bed);
  const held_at = [["downloads", /-11_all\.deb$/], ["refreshes", /Release$/], ["saves", /-10_all\.deb$/]] as const;
  for (const [what, held] of held_at) {
    await t.step(what, async () => {
      if (what === "saves") await Deno.remove(`${bed.root}/var/cache/apt/archives/curlew_7.88.1-10_all.deb`);
      mirror.hold(held);
      const job = await executor.start(order(what, { packages: ["curlew"] }));
      await mirror.held();
      await executor.cancel(job.job_id);
      const end = await endOf(executor, job.job_id);
      assert.deepEqual([end.status, end.error_code], ["cancelled", "CANCELLED"]);
      assert.deepEqual(end.rollback, { possible: false, reason: "Nothing was changed.", missing_versions: [] });
      assert.equal(await isThere(`${bed.folder}/state/jobs/${job.job_id}/saved`), false);
      mirror.release();
      assert.equal(await bed.version("curlew"), "7.88.1-10");
      assert.equal(await bed.apt.transactionsOf(what), 0);
      assert.equal((await bed.apt.database()).state, "ok");
    });
  }
  await t.step("and the next one works", async () => {
    assert.equal((await runToEnd(executor, order("after", { packages: ["curlew"] }))).status, "completed");
  });
  await executor.close();
});

sandboxTest("a lock held by another package manager is named", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const other = bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "heron-database"]);
  await waitFor("the other apt-get", () => isThere(`${bed.root}/gate.waiting`));
  const executor = openExecutor(bed);
  const job = await runToEnd(executor, order("locked", { packages: ["curlew"] }));
  assert.deepEqual([job.status, job.error_code], ["failed", "PKG_MANAGER_BUSY"]);
  assert.match(job.error!, /apt-get \(process \d+\) holds .*lock-frontend/);
  assert.match(job.message, /^Nothing was changed\./);
  const health = await executor.health();
  assert.deepEqual([health.checks?.package_manager, health.status], ["locked", "healthy"]);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  assert.equal((await other).code, 0);
  assert.equal((await runToEnd(executor, order("free", { packages: ["curlew"] }))).status, "completed");
  await executor.close();
});

const damages = [
  { damage: "missing", code: "NETWORK_ERROR", words: /curlew_9\.0-1_all\.deb is not in the repository any more/ },
  { damage: "corrupt", code: "NETWORK_ERROR", words: /not what the index announced/ },
] as const;
for (const { damage, code, words } of damages) {
  sandboxTest(`a ${damage} archive stops the transaction before it changes anything`, async (bed) => {
    const item = { name: "curlew", version: "9.0-1", suite: "lab-updates", description: damage } as const;
    await publish(bed.repository, item, { damage });
    const executor = openExecutor(bed);
    const job = await runToEnd(executor, order(damage, { packages: ["curlew", "lumen-utils"] }));
    assert.deepEqual([job.status, job.error_code, job.exit_code], ["failed", code, 100]);
    assert.match(job.error!, words);
    assert.match(job.message, /^Nothing was changed\./);
    assert.deepEqual(job.failed_packages.map((failed) => failed.name).toSorted(), ["curlew", "lumen-utils"]);
    assert.equal(await bed.version("lumen-utils"), "2.38.1-5");
    await executor.close();
  });
}

sandboxTest("an unsigned repository is refused, and the page says so instead of no updates", async (bed) => {
  const executor = openExecutor(bed);
  const list = await executor.patches({ max_index_age_seconds: 0 });
  assert.match(list.index_error!, /signature could not be verified.*not signed/);
  const job = await runToEnd(executor, order("unsigned", { packages: ["curlew"] }));
  assert.deepEqual([job.status, job.error_code], ["failed", "GPG_ERROR"]);
  assert.equal(await bed.version("curlew"), "7.88.1-10");
  const health = await executor.health();
  assert.deepEqual([health.cache_status, health.status], ["failed", "degraded"]);
  await executor.close();
}, { trusted: false });

sandboxTest("a mirror that is away leaves the last listing, with age and reason", async (bed) => {
  await Deno.writeTextFile(
    `${bed.root}/etc/apt/sources.list`,
    (await Deno.readTextFile(`${bed.root}/etc/apt/sources.list`)) + "deb [trusted=yes] http://127.0.0.1:9 lab main\n",
  );
  const executor = openExecutor(bed);
  const list = await executor.patches({ max_index_age_seconds: 0 });
  assert.equal(list.total, 13);
  assert.match(list.index_error!, /cannot be reached: .*127\.0\.0\.1/);
  const job = await runToEnd(executor, order("away", { packages: ["curlew"] }));
  assert.deepEqual([job.status, job.error_code], ["completed", null]);
  assert.match(job.message, /^1 package at the wanted version\. The package index is not the newest: .*127\.0\.0\.1/);
  assert.equal(await bed.version("curlew"), "7.88.1-11");
  await executor.close();
});

aptTest("a mirror that moved on in the middle: one newer index, one more try, never another version", async (t) => {
  const cases = [
    { name: "approved without a version", versions: {}, status: "completed", installed: "9.1-1" },
    { name: "another version than approved", versions: { curlew: "9.0-1" }, status: "failed", installed: "7.88.1-10" },
    { name: "gone again", versions: {}, status: "failed", installed: "7.88.1-10" },
  ] as const;
  for (const [index, { name, versions, status, installed }] of cases.entries()) {
    await t.step(name, async () => {
      await using mirror = await gatedMirror();
      const { bed } = mirror;
      const item = { name: "curlew", version: "9.0-1", suite: "lab-updates", description: "moves" } as const;
      await publish(bed.repository, item);
      const executor = openExecutor(bed);
      mirror.hold(/curlew_9\.0.*\.deb$/);
      const run = `moved-${index}`;
      const { job_id } = await executor.start(order(run, { packages: ["curlew", "lumen-utils"], versions }));
      await mirror.held();
      const damage = name === "gone again" ? "missing" as const : undefined;
      await publish(bed.repository, { ...item, version: "9.1-1" }, { damage });
      await Deno.remove(`${bed.repository.folder}/pool/lab-updates/curlew_9.0-1_all.deb`);
      mirror.release();
      const job = await endOf(executor, job_id);
      assert.equal(job.status, status, job.message);
      assert.equal(await bed.version("curlew"), installed);
      assert.equal(await bed.version("lumen-utils"), status === "completed" ? "2.38.1-6" : "2.38.1-5");
      assert.equal(await bed.apt.transactionsOf(run), status === "completed" ? 1 : 0);
      if (index === 1) assert.match(job.message, /Approved was 9\.0-1, on offer is now 9\.1-1/);
      else assert.match(job.message, /mirror had moved on; the index was refreshed, planned again and tried once more/);
      if (index === 2) assert.equal(job.error_code, "NETWORK_ERROR");
      await executor.close();
    });
  }
});
