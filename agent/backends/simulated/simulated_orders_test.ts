import assert from "node:assert/strict";
import type { Clock } from "../../../core/clock.ts";
import { Job } from "../../../protocol/api.ts";
import { testFolder } from "../../../testing/test_folder.ts";
import type { HostJob, HostOrder } from "../../host_operations.ts";
import { wireJob } from "../../jobs.ts";
import { hostWith } from "../../server/server_fixture_test.ts";
import { SimulatedHost } from "./host.ts";
import { fileStore, type HostStore, memoryStore } from "./host_state.ts";
import { ManualScheduler } from "./scheduler.ts";
import { makeTraits, type Trouble } from "./traits.ts";

class Time {
  readonly scheduler = new ManualScheduler();
  #now = Temporal.Instant.from("2026-11-21T08:00:00Z");
  readonly clock: Clock = { now: () => this.#now };
  advance(milliseconds: number) {
    this.#now = this.#now.add({ milliseconds });
    this.scheduler.advance(milliseconds);
  }
}

async function open(trouble: Trouble, store: HostStore = memoryStore(), time = new Time()) {
  const traits = makeTraits(1, hostWith(trouble, "apt"));
  return { host: await SimulatedHost.open(traits, store, time.scheduler, time.clock), time, store };
}

const run = (run_id = crypto.randomUUID()) => ({ run_id, deadline_ms: null, state_id: null });
const apply = (packages: string[] | null = null): HostOrder => ({
  ...run(),
  operation: "apply",
  packages,
  new_packages: [],
  versions: {},
  security_only: false,
  dry_run: false,
  reboot: "never",
  reboot_delay_seconds: 0,
});
const repair = (dry_run = false): HostOrder => ({ ...run(), operation: "repair", dry_run });
const rollback = (job_id: string, dry_run = false): HostOrder => ({ ...run(), operation: "rollback", job_id, dry_run });
const reboot = (force = false): HostOrder => ({ ...run(), operation: "reboot", reboot_delay_seconds: 60, force });

async function finished({ host, time }: { host: SimulatedHost; time: Time }, order: HostOrder): Promise<HostJob> {
  const { job_id } = await host.start(order);
  for (let turn = 0; turn < 1000; turn++) {
    time.advance(3_600_000);
    await host.store.save(host.state);
    const job = await host.job(job_id);
    if (job && job.status !== "pending" && job.status !== "running") {
      Job.parse(wireJob(job, "full"));
      return structuredClone(job);
    }
  }
  throw new Error("the job does not end");
}

/** Names of what an apply may change and a rollback take back. */
async function ordinary(host: SimulatedHost): Promise<string[]> {
  const { patches } = await host.patches({});
  return patches.filter((one) => one.state === "installable" && !/^(linux|kernel)/.test(one.name)).map((one) =>
    one.name
  );
}

Deno.test("a repair ends the interruption, also over a restart of the process; dry it only says so", async () => {
  const scene = await open("interrupted");
  assert.equal((await scene.host.patches({})).state, "interrupted");
  assert.equal((await finished(scene, apply())).status, "failed");
  const dry = await finished(scene, repair(true));
  assert.deepEqual([dry.operation, dry.dry_run, dry.status], ["repair", true, "completed"]);
  assert.equal((await scene.host.patches({})).state, "interrupted");
  const job = await finished(scene, repair());
  assert.deepEqual([job.operation, job.status, job.changes], ["repair", "completed", []]);
  assert.match(job.output, /Setting up/);
  await scene.host.close();
  const again = await open("interrupted", scene.store, scene.time);
  const health = await again.host.health();
  assert.deepEqual([health.status, health.checks?.package_manager, health.problems], ["healthy", "ok", []]);
  assert.equal((await again.host.patches({})).state, "ok");
  assert.equal((await finished(again, apply())).status, "completed");
});

Deno.test("a host in order has nothing to repair; other troubles are not repaired", async () => {
  const well = await open("none");
  const job = await finished(well, repair());
  assert.deepEqual([job.status, job.output, job.rollback.possible], ["completed", "", false]);
  const full = await open("disk_low");
  await finished(full, repair());
  assert.equal((await full.host.health()).checks?.disk, "low");
});

Deno.test("a rollback brings the former versions back, once", async () => {
  const scene = await open("none");
  const names = (await ordinary(scene.host)).slice(0, 3);
  const before = await scene.host.packages();
  const done = await finished(scene, apply(names));
  assert.deepEqual(done.rollback, { possible: true, reason: null, missing_versions: [] });
  assert.notDeepEqual(await scene.host.packages(), before);
  const dry = await finished(scene, rollback(done.job_id, true));
  assert.deepEqual([dry.status, dry.changes], ["completed", []]);
  const back = await finished(scene, rollback(done.job_id));
  assert.deepEqual([back.status, back.original_job_id, back.operation], ["completed", done.job_id, "rollback"]);
  assert.deepEqual(
    back.changes,
    done.changes.map((change) => ({ ...change, from: change.to, to: change.from, action: "downgrade" })),
  );
  assert.deepEqual(await scene.host.packages(), before);
  await assert.rejects(scene.host.start(rollback(done.job_id)), { code: "ROLLBACK_NOT_ALLOWED" });
});

Deno.test("what cannot be taken back is refused with the reason", async () => {
  const scene = await open("reboot_due");
  await assert.rejects(scene.host.start(rollback(crypto.randomUUID())), { code: "JOB_NOT_FOUND" });
  const restart = await finished(scene, repair());
  await assert.rejects(scene.host.start(rollback(restart.job_id)), { code: "ROLLBACK_NOT_ALLOWED" });
  for (let index = 0; index < 400; index++) {
    const time = new Time();
    const traits = makeTraits(3, index, true);
    if (traits.trouble !== "none" || traits.distribution.manager !== "apt") continue;
    const host = await SimulatedHost.open(traits, memoryStore(), time.scheduler, time.clock);
    const kernel = (await host.patches({})).patches.find((one) => one.name.startsWith("linux-image"));
    if (!kernel) continue;
    const job = await finished({ host, time }, apply([kernel.name]));
    assert.match(job.rollback.reason ?? "", /A kernel is not taken back/);
    assert.equal(job.restart?.reboot, true);
    await assert.rejects(host.start(rollback(job.job_id)), { code: "ROLLBACK_NOT_ALLOWED", message: /kernel/ });
    return;
  }
  assert.fail("no host has a kernel pending");
});

Deno.test("a restart on request: another boot, named before and after; not while jobs wait", async () => {
  const scene = await open("reboot_due");
  const before = await scene.host.systemInfo();
  const job = await finished(scene, reboot());
  const after = await scene.host.systemInfo();
  assert.deepEqual([job.status, job.operation], ["completed", "reboot"]);
  assert.deepEqual([job.boot_id_before, job.boot_id_after], [before.boot_id, after.boot_id]);
  assert.notEqual(before.boot_id, after.boot_id);
  assert.equal(after.pending_reboot, false);
  await scene.host.start(apply());
  await assert.rejects(scene.host.start(reboot()), { code: "REBOOT_BLOCKED" });
  assert.equal((await scene.host.start(reboot(true))).status, "pending");
});

Deno.test("always restarts a host that does not ask for it", async () => {
  const scene = await open("none");
  const { boot_id } = await scene.host.systemInfo();
  const order = { ...apply((await ordinary(scene.host)).slice(0, 1)), reboot: "always" } as HostOrder;
  const job = await finished(scene, order);
  assert.equal(job.status, "completed");
  assert.notEqual((await scene.host.systemInfo()).boot_id, boot_id);
});

Deno.test("a state file of before these orders still opens, with an unfinished job in it", async () => {
  await using folder = await testFolder();
  const path = `${folder.path}/state.json`;
  const scene = await open("none", fileStore(path));
  const [name] = await ordinary(scene.host);
  const { job_id } = await scene.host.start(apply([name]));
  await scene.host.close();
  const old = JSON.parse(await Deno.readTextFile(path));
  delete old.repaired;
  for (const job of old.jobs) {
    for (const field of ["restart", "boot_id_before", "boot_id_after", "original_job_id"]) delete job[field];
  }
  for (const order of Object.values<Record<string, unknown>>(old.orders)) {
    for (const field of ["operation", "new_packages"]) delete order[field];
    order.reboot = false;
  }
  await Deno.writeTextFile(path, JSON.stringify(old));
  const again = await open("none", fileStore(path), scene.time);
  for (let turn = 0; turn < 100; turn++) {
    again.time.advance(3_600_000);
    await again.host.store.save(again.host.state);
  }
  const job = await again.host.job(job_id);
  assert.deepEqual([job?.status, job?.original_job_id], ["completed", null]);
  assert.equal((await again.host.health()).status, "healthy");
  await again.host.close();
});
