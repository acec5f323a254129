import assert from "node:assert/strict";
import type { Clock } from "../../../core/clock.ts";
import { Health, InstalledPackage, Patch, PatchList, SystemInfo } from "../../../protocol/api.ts";
import type { ApplyOrder, HostJob, HostJobEvent } from "../../host_operations.ts";
import { hostWith } from "../../server/server_fixture_test.ts";
import { catalogue } from "./catalogue.ts";
import { distributions } from "./distributions.ts";
import { SimulatedHost } from "./host.ts";
import { fileStore, type HostStore, memoryStore } from "./host_state.ts";
import { roles } from "./package_names.ts";
import { ManualScheduler } from "./scheduler.ts";
import { makeTraits, type Trouble, troubles } from "./traits.ts";

const HOUR = 3_600_000;
const start = Temporal.Instant.from("2026-11-21T08:00:00Z");

/** A clock and a scheduler that move together. */
function makeTime() {
  const scheduler = new ManualScheduler();
  let now = start;
  const clock: Clock = { now: () => now };
  return {
    scheduler,
    clock,
    advance(milliseconds: number) {
      now = now.add({ milliseconds });
      scheduler.advance(milliseconds);
    },
  };
}

async function open(trouble: Trouble, manager?: string, store: HostStore = memoryStore(), time = makeTime()) {
  const host = await SimulatedHost.open(makeTraits(1, hostWith(trouble, manager)), store, time.scheduler, time.clock);
  return { host, time, store };
}

function order(change: Partial<ApplyOrder> = {}): ApplyOrder {
  return {
    operation: "apply",
    run_id: crypto.randomUUID(),
    packages: null,
    new_packages: null,
    versions: {},
    security_only: false,
    dry_run: false,
    reboot: "never",
    reboot_delay_seconds: 0,
    deadline_ms: null,
    state_id: null,
    ...change,
  };
}

/** Lets time pass until the job has ended. Saves follow each other, so waiting for one waits for all before it. */
async function finished(host: SimulatedHost, time: ReturnType<typeof makeTime>, job: HostJob): Promise<HostJob> {
  for (let turn = 0; turn < 1000; turn++) {
    time.advance(HOUR);
    await host.store.save(host.state);
    const now = await host.job(job.job_id);
    if (now && !["pending", "running"].includes(now.status)) return structuredClone(now);
  }
  throw new Error("the job does not end");
}

Deno.test("the same seed is the same fleet; another seed another one", async () => {
  const describe = async (seed: number) => {
    const lines = [];
    for (let index = 0; index < 60; index++) {
      const { scheduler, clock } = makeTime();
      const host = await SimulatedHost.open(makeTraits(seed, index, true), memoryStore(), scheduler, clock);
      const { boot_time: _, ...info } = await host.systemInfo();
      lines.push(JSON.stringify([info, await host.patches({}), await host.packages()]));
    }
    return lines;
  };
  const first = await describe(7);
  assert.deepEqual(await describe(7), first);
  assert.notDeepEqual(await describe(8), first);
  assert.equal(new Set(first).size, 60, "no two hosts are alike");
});

Deno.test("names and machine ids of 10,000 hosts are unique, and every kind of host occurs", () => {
  const all = Array.from({ length: 10_000 }, (_, index) => makeTraits(1, index));
  assert.equal(new Set(all.map((one) => one.fqdn)).size, 10_000);
  assert.equal(new Set(all.map((one) => one.machine_id)).size, 10_000);
  assert.ok(all.every((one) => one.fqdn.endsWith(".sim.example") && /^[0-9a-f]{32}$/.test(one.machine_id)));
  const usual = troubles.filter((one) => one !== "refusing" && one !== "flaky");
  assert.deepEqual(new Set(all.slice(0, 25).map((one) => one.trouble)), new Set(usual), "25 hosts show everything");
  assert.deepEqual(new Set(all.map((one) => one.distribution.key)), new Set(distributions.map((one) => one.key)));
  assert.equal(all.filter((one) => one.trouble === "silent").length, 100);
  assert.ok(!Array.from({ length: 100 }, (_, i) => makeTraits(1, i, true)).some((one) => one.trouble === "silent"));
});

Deno.test("every package of every distribution fits the schema; advisories are seen as invented", () => {
  for (const distribution of distributions) {
    for (const role of Object.keys(roles)) {
      const packages = catalogue(distribution, role);
      assert.ok(packages.length >= 60, `${distribution.key} ${role}`);
      assert.equal(new Set(packages.map((one) => one.name)).size, packages.length, "no name twice");
      for (const one of packages) {
        InstalledPackage.parse({ name: one.name, version: one.version });
        assert.ok(one.source_package.length > 0 && one.size_bytes > 0, one.name);
        if (!one.update) continue;
        assert.notEqual(one.update.version, one.version);
        for (const cve of one.update.cve_ids) assert.match(cve, /^CVE-2026-9\d{4}$/);
        for (const advisory of one.update.advisory_ids) assert.match(advisory, /^SIM-2026:9\d{4}$/);
        // Only a vendor's advisory gives a severity.
        if (!distribution.advisories || !one.update.security) assert.equal(one.update.severity, "unknown");
        if (!one.update.security) assert.deepEqual(one.update.cve_ids, []);
      }
    }
  }
});

Deno.test("each trouble shows where the manager looks for it", async (t) => {
  const looks: Partial<Record<Trouble, (host: SimulatedHost, patches: PatchList, health: Health) => void>> = {
    none: (_host, patches, health) => {
      assert.equal(health.status, "healthy");
      assert.ok(patches.patches.length > 0);
    },
    current: (_host, patches) => assert.deepEqual(patches.patches, []),
    interrupted: (_host, patches, health) => {
      assert.equal(patches.state, "interrupted");
      assert.equal(health.checks?.package_manager, "interrupted");
      assert.equal(health.status, "degraded");
    },
    stale_index: (_host, patches, health) => {
      assert.ok(patches.index_age_seconds! > 4 * 86_400);
      assert.match(patches.index_error!, /could not be refreshed/);
      assert.equal(health.cache_status, "failed");
      assert.equal(health.status, "degraded");
    },
    disk_low: (_host, _patches, health) => {
      assert.equal(health.checks?.disk, "low");
      assert.equal(health.problems?.length, 1);
    },
    held: (_host, patches) => {
      const held = patches.patches.filter((one) => one.held);
      assert.ok(
        held.length > 0 && held.every((one) => one.installable === false && one.state === "held" && one.state_reason),
      );
    },
  };
  for (const [trouble, look] of Object.entries(looks)) {
    await t.step(trouble, async () => {
      const { host } = await open(trouble as Trouble);
      const health = Health.parse(await host.health());
      assert.equal(health.agent?.simulated, true, "never passes for a real host");
      const patches = PatchList.parse(await host.patches({ max_index_age_seconds: 0 }));
      for (const one of patches.patches) Patch.parse(one);
      SystemInfo.parse(await host.systemInfo());
      look(host, patches, health);
    });
  }
  await t.step("reboot_due", async () => {
    const { host } = await open("reboot_due");
    assert.equal((await host.systemInfo()).pending_reboot, true);
  });
  await t.step("slow", async () => {
    const { host, time } = await open("slow");
    let answered = false;
    const answer = host.health().then(() => answered = true);
    time.advance(1900);
    await Promise.resolve();
    assert.equal(answered, false);
    time.advance(6000);
    await answer;
  });
});

Deno.test("phased updates are not installed by an apply of everything", async () => {
  for (let index = 0; index < 2000; index++) {
    const traits = makeTraits(1, index);
    if (traits.trouble !== "phased" || traits.distribution.os_id !== "ubuntu") continue;
    const time = makeTime();
    const host = await SimulatedHost.open(traits, memoryStore(), time.scheduler, time.clock);
    const phased = (await host.patches({})).patches.filter((one) => one.state === "phased");
    if (phased.length === 0) continue;
    await finished(host, time, await host.start(order()));
    const left = (await host.patches({})).patches;
    assert.deepEqual(left.map((one) => one.name), phased.map((one) => one.name));
    return;
  }
  assert.fail("no host has a phased update");
});

Deno.test("an apply installs exactly what was asked for, in every manager's words", async (t) => {
  const words: Record<string, RegExp> = {
    apt: /Setting up /,
    dnf: /Upgrading +: /,
    zypper: /Installing: .*\[done\]/,
    apk: /Upgrading \S+ \(.* -> .*\)/,
    pacman: /upgrading /,
  };
  for (const manager of Object.keys(words)) {
    await t.step(manager, async () => {
      const { host, time } = await open("none", manager);
      const before = (await host.patches({})).patches;
      const chosen = before[0];
      const job = await finished(
        host,
        time,
        await host.start(order({ packages: [chosen.name], versions: { [chosen.name]: chosen.available_version } })),
      );
      assert.equal(job.status, "completed", job.error ?? "");
      assert.equal(job.exit_code, 0);
      assert.deepEqual(job.changes, [{
        name: chosen.name,
        arch: chosen.arch,
        from: chosen.current_version,
        to: chosen.available_version,
        action: "upgrade",
      }]);
      assert.match(job.output, words[manager]);
      const after = (await host.patches({})).patches;
      assert.deepEqual(after.map((one) => one.name), before.slice(1).map((one) => one.name));
      const installed = (await host.packages()).find((one) => one.name === chosen.name);
      assert.equal(installed?.version, chosen.available_version);
    });
  }
});

Deno.test("a dry run says what would change and changes nothing", async () => {
  const { host, time } = await open("none");
  const before = await host.patches({});
  const job = await finished(host, time, await host.start(order({ dry_run: true })));
  assert.equal(job.operation, "dry_run");
  assert.deepEqual(job.changes.map((one) => one.name), before.patches.map((one) => one.name));
  assert.deepEqual((await host.patches({})).patches, before.patches);
});

Deno.test("security only leaves the rest", async () => {
  const { host, time } = await open("none");
  await finished(host, time, await host.start(order({ security_only: true })));
  const left = (await host.patches({})).patches;
  assert.ok(left.length > 0 && left.every((one) => !one.security));
});

Deno.test("jobs fail for the host's own reason", async (t) => {
  const cases: [Trouble, string, RegExp][] = [
    ["interrupted", "PKG_MANAGER_ERROR", /interrupted/],
    ["stale_index", "NETWORK_ERROR", /does not resolve/],
    ["disk_low", "DISK_FULL", /Free some/],
    ["failing", "PKG_MANAGER_ERROR", /1 of \d+ packages failed/],
  ];
  for (const [trouble, code, says] of cases) {
    await t.step(trouble, async () => {
      const { host, time } = await open(trouble);
      const before = (await host.patches({})).patches.length;
      const job = await finished(host, time, await host.start(order()));
      assert.equal(job.status, "failed");
      assert.equal(job.error_code, code);
      assert.match(job.error!, says);
      const left = (await host.patches({})).patches;
      if (trouble !== "failing") return assert.equal(left.length, before, "nothing was installed");
      assert.deepEqual(left.map((one) => one.name), job.failed_packages.map((one) => one.name), "the others were");
      assert.equal(job.changes.length, before - 1);
    });
  }
});

Deno.test("a restart when it is needed and asked for", async () => {
  const { host, time } = await open("reboot_due");
  const before = await host.systemInfo();
  const kept = await finished(host, time, await host.start(order({ dry_run: false, packages: null, reboot: "never" })));
  assert.equal(kept.status, "completed");
  assert.equal((await host.systemInfo()).boot_id, before.boot_id);
  await finished(host, time, await host.start(order({ reboot: "needed" })));
  const after = await host.systemInfo();
  assert.notEqual(after.boot_id, before.boot_id);
  assert.equal(after.pending_reboot, false);
});

Deno.test("orders that must not start anything", async (t) => {
  const { host } = await open("none");
  const name = (await host.patches({})).patches[0].name;
  const cases: [string, Partial<ApplyOrder>, string][] = [
    ["unknown package", { packages: ["nothing"] }, "PKG_NOT_FOUND"],
    ["another version on offer", { packages: [name], versions: { [name]: "0.0.1" } }, "PKG_NOT_FOUND"],
    ["late", { deadline_ms: start.epochMilliseconds }, "DEADLINE_PASSED"],
    ["for another memory", { state_id: "other" }, "STATE_CHANGED"],
  ];
  for (const [what, change, code] of cases) {
    await t.step(what, () => assert.rejects(host.start(order(change)), { code }));
  }
  assert.deepEqual(await host.jobs(), []);
});

Deno.test("one job at a time, 16 wait, the next is refused", async () => {
  const { host } = await open("none");
  for (let i = 0; i < 17; i++) await host.start(order());
  await assert.rejects(host.start(order()), { code: "QUEUE_FULL" });
  const states = (await host.jobs()).map((job) => job.status);
  assert.equal(states.filter((one) => one === "running").length, 1);
  assert.equal(states.filter((one) => one === "pending").length, 16);
});

Deno.test("cancelled while it waits or downloads, too late once it installs", async () => {
  const { host, time } = await open("none");
  const first = await host.start(order());
  const second = await host.start(order());
  assert.equal((await host.cancel(second.job_id)).status, "cancelled");
  const phases = new Set<string>();
  host.watch((event) => phases.add(event.phase));
  while (!phases.has("install")) time.advance(50);
  await assert.rejects(host.cancel(first.job_id), { code: "CANCEL_TOO_LATE" });
  await assert.rejects(host.remove(first.job_id), { code: "DELETE_NOT_ALLOWED" });
  assert.equal((await finished(host, time, first)).status, "completed");
  const third = await host.start(order({ dry_run: true }));
  assert.equal((await host.cancel(third.job_id)).error_code, "CANCELLED");
  assert.equal(time.scheduler.waiting, 0, "nothing goes on behind it");
});

Deno.test("a run id is remembered over a restart and for 90 days", async () => {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "simulated-" });
  try {
    const time = makeTime();
    const path = `${folder}/state.json`;
    const { host } = await open("none", undefined, fileStore(path), time);
    const run = order({ dry_run: true });
    const job = await finished(host, time, await host.start(run));
    const { agent } = await host.health();
    await host.close();
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);

    const again = await open("none", undefined, fileStore(path), time);
    assert.equal((await again.host.health()).agent?.state_id, agent?.state_id);
    assert.equal((await again.host.start(run)).job_id, job.job_id);
    assert.equal((await again.host.jobs()).length, 1);
    time.advance(91 * 24 * HOUR);
    await finished(again.host, time, await again.host.start(order({ dry_run: true })));
    assert.notEqual((await again.host.start(run)).job_id, job.job_id);
    await again.host.close();
    await Deno.writeTextFile(path, '{"jobs":1}');
    await assert.rejects(open("none", undefined, fileStore(path), time), /not the state of a simulated host/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a process that dies in a job: what installed has ended meanwhile, what had not begun begins again", async (t) => {
  for (const phase of ["download", "install"] as const) {
    await t.step(phase, async () => {
      const time = makeTime();
      const { host, store } = await open("none", undefined, memoryStore(), time);
      const before = (await host.patches({})).patches.length;
      const run = order();
      let last: HostJobEvent | undefined;
      host.watch((event) => last = event);
      const job = await host.start(run);
      while (last!.phase !== phase) time.advance(50);
      await store.save(host.state);
      // Killed: not closed, and its timers are gone with it.
      const reborn = makeTime();
      const next = await open("none", undefined, store, reborn);
      const ended = await finished(next.host, reborn, job);
      assert.equal(ended.status, "completed");
      assert.equal(ended.changes.length, before, "every package once");
      assert.deepEqual((await next.host.patches({})).patches, []);
      assert.equal((await next.host.start(run)).job_id, job.job_id);
    });
  }
});
