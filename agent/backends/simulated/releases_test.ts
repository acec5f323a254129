import assert from "node:assert/strict";
import type { Clock } from "../../../core/clock.ts";
import { InstalledPackage, Patch } from "../../../protocol/api.ts";
import type { ApplyOrder, HostOrder } from "../../host_operations.ts";
import { distributions } from "./distributions.ts";
import { SimulatedHost } from "./host.ts";
import { type HostStore, memoryStore } from "./host_state.ts";
import { Releases } from "./releases.ts";
import { ManualScheduler } from "./scheduler.ts";
import { makeTraits, type Traits } from "./traits.ts";

const HOUR = 3_600_000;
const MEAN = 40 * 60_000;
const start = Temporal.Instant.from("2026-11-21T08:00:00Z");

function movableClock(): Clock & { advance(milliseconds: number): void } {
  let now = start;
  return { now: () => now, advance: (milliseconds) => void (now = now.add({ milliseconds })) };
}

function releasesOf(seed: number, clock: Clock): Releases {
  return new Releases(seed, start.epochMilliseconds, MEAN, clock);
}

const count = (released: ReadonlyMap<string, readonly unknown[]>) =>
  [...released.values()].reduce((sum, one) => sum + one.length, 0);

Deno.test("nothing has come out at first; in an hour something has, for security and else", () => {
  const clock = movableClock();
  const releases = releasesOf(7, clock);
  for (const distribution of distributions) assert.equal(count(releases.of(distribution)), 0);
  clock.advance(HOUR);
  const hour = distributions.flatMap((one) => [...releases.of(one).values()].flat());
  assert.ok(hour.length >= distributions.length / 2 && hour.length <= 3 * distributions.length, `${hour.length}`);
  assert.ok(hour.some((one) => one.security) && hour.some((one) => !one.security));
});

Deno.test("the mean is kept over a month, and the same seed has the same past however often it is looked at", () => {
  const watched = movableClock();
  const often = releasesOf(7, watched);
  for (let hour = 0; hour < 30 * 24; hour++) {
    watched.advance(HOUR);
    often.of(distributions[0]);
  }
  const total = count(often.of(distributions[0]));
  assert.ok(Math.abs(total - 30 * 24 * HOUR / MEAN) < 60, `${total} releases in a month`);
  const late = movableClock();
  late.advance(30 * 24 * HOUR);
  assert.deepEqual(releasesOf(7, late).of(distributions[0]), often.of(distributions[0]));
  assert.notDeepEqual(releasesOf(8, late).of(distributions[0]), often.of(distributions[0]));
});

/** A host whose distribution has released something for it, and the clock at that moment. */
async function hostWithRelease(again: "once" | "twice" = "once") {
  for (let index = 0; index < 200; index++) {
    const traits = makeTraits(7, index, { dead: 0, slow: 0, flaky: 0, failing: 0 });
    if (traits.trouble !== "none" || traits.distribution.manager !== "apt") continue;
    const clock = movableClock();
    const releases = releasesOf(7, clock);
    const made = await open(traits, clock, releases);
    const before = await made.host.patches({});
    const names = new Set((await made.host.packages()).map((one) => one.name));
    for (let hours = 0; hours < 200; hours++) {
      clock.advance(HOUR);
      const found = [...releases.of(traits.distribution)].find(([name, updates]) =>
        names.has(name) && !/^linux/.test(name) && updates.length >= (again === "twice" ? 2 : 1)
      );
      if (found) return { ...made, before, clock, releases, name: found[0] };
    }
  }
  throw new Error("no host with a release");
}

async function open(traits: Traits, clock: Clock, releases: Releases, store: HostStore = memoryStore()) {
  const scheduler = new ManualScheduler();
  return {
    traits,
    scheduler,
    store,
    host: await SimulatedHost.open(traits, store, scheduler, clock, { releases }),
  };
}

function apply(packages: string[] | null): ApplyOrder {
  return {
    operation: "apply",
    run_id: crypto.randomUUID(),
    packages,
    new_packages: null,
    versions: {},
    security_only: false,
    dry_run: false,
    reboot: "never",
    reboot_delay_seconds: 0,
    deadline_ms: null,
    state_id: null,
  };
}

async function run({ host, scheduler }: { host: SimulatedHost; scheduler: ManualScheduler }, order: HostOrder) {
  const { job_id } = await host.start(order);
  for (let turn = 0; turn < 100; turn++) {
    scheduler.advance(HOUR);
    await host.store.save(host.state);
    const job = await host.job(job_id);
    if (job && job.status !== "pending" && job.status !== "running") return structuredClone(job);
  }
  throw new Error("the job does not end");
}

Deno.test("a release becomes a pending update, is installed as such, and the next one comes on top", async () => {
  const made = await hostWithRelease();
  const { host, clock, releases, traits, name } = made;
  const pending = (await host.patches({})).patches.find((one) => one.name === name)!;
  Patch.parse(pending);
  const released = releases.of(traits.distribution).get(name)!;
  assert.equal(pending.available_version, released.at(-1)!.version);
  const job = await run(made, apply([name]));
  assert.equal(job.status, "completed", job.error ?? "");
  assert.deepEqual(job.changes.map(({ from, to }) => [from, to]), [[
    pending.current_version,
    pending.available_version,
  ]]);
  assert.ok(!(await host.patches({})).patches.some((one) => one.name === name), "done");
  const installed = (await host.packages()).find((one) => one.name === name)!;
  InstalledPackage.parse(installed);
  assert.equal(installed.version, pending.available_version);
  while (releases.of(traits.distribution).get(name)!.length === released.length) clock.advance(24 * HOUR);
  const next = (await host.patches({})).patches.find((one) => one.name === name)!;
  assert.equal(next.current_version, pending.available_version);
  assert.notEqual(next.available_version, next.current_version);
});

Deno.test("what a skipped release closed, the later one closes too", async () => {
  const { host, traits, releases, name } = await hostWithRelease("twice");
  const updates = releases.of(traits.distribution).get(name)!;
  const pending = (await host.patches({})).patches.find((one) => one.name === name)!;
  assert.equal(pending.available_version, updates.at(-1)!.version);
  for (const update of updates) {
    if (update.security) assert.equal(pending.security, true);
    for (const cve of update.cve_ids) assert.ok(pending.cve_ids!.includes(cve), `${cve} is still open`);
  }
});

Deno.test("a release is taken back to the version before it", async () => {
  const made = await hostWithRelease();
  const { host, name } = made;
  const before = (await host.patches({})).patches;
  const job = await run(made, apply([name]));
  const back = await run(made, {
    operation: "rollback",
    run_id: crypto.randomUUID(),
    job_id: job.job_id,
    dry_run: false,
    deadline_ms: null,
    state_id: null,
  } as HostOrder);
  assert.equal(back.status, "completed", back.error ?? "");
  assert.deepEqual(back.changes.map(({ from, to }) => [from, to]), job.changes.map(({ from, to }) => [to, from]));
  assert.deepEqual((await host.patches({})).patches, before);
});

Deno.test("what was installed stays installed when the host is opened again", async () => {
  const made = await hostWithRelease();
  await run(made, apply(null));
  assert.deepEqual((await made.host.patches({})).patches, []);
  await made.host.close();
  const again = await open(made.traits, made.clock, made.releases, made.store);
  assert.deepEqual((await again.host.patches({})).patches, []);
});
