import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { aptTest, type Bed, isThere } from "../backends/apt/sandbox_fixture_test.ts";
import type { HostJob, HostJobEvent } from "../host_operations.ts";
import { endOf, order, repairOrder, runToEnd } from "./executor_fixture_test.ts";
import { type ExecutorProcess, startExecutor } from "./executor_process_fixture_test.ts";
import { gatedMirror } from "./gated_mirror_fixture_test.ts";
import { listProcesses } from "./process.ts";

type Mirror = Awaited<ReturnType<typeof gatedMirror>>;

interface Scene {
  mirror: Mirror;
  bed: Bed;
  executor: ExecutorProcess;
  /** What watchers of the executor were told. */
  events: HostJobEvent[];
}

interface Point {
  what: string;
  /** What has to be there before the order. */
  prepare?: (scene: Scene) => void | Promise<void>;
  /** Settles when the job stands at the point. */
  reach: (scene: Scene) => Promise<unknown>;
  /** Lets go of what was held, after the kill. */
  release?: (scene: Scene) => void | Promise<void>;
  /** Between the kill and the next executor. */
  before_restart?: (scene: Scene) => Promise<unknown>;
  kill: "executor" | "everything";
  /** How the job ends with the next executor. */
  status: HostJob["status"];
  words?: RegExp;
}

const packages = ["heron-database", "curlew", "lumen-utils"];
const targets: Record<string, string> = { "heron-database": "15.5-0", curlew: "9.0-1", "lumen-utils": "2.38.1-6" };
const apply = order("run-1", { packages });

const gate = (bed: Bed, name: string) =>
  waitFor("the script", () => isThere(`${bed.root}/${name}.waiting`), { deadline_ms: 30_000 });
const open = (bed: Bed, name: string) => Deno.writeTextFile(`${bed.root}/${name}`, "");
const told = (scene: Scene, words: RegExp) =>
  waitFor(`${words}`, () => scene.events.some((event) => words.test(event.message)), {
    every_ms: 1,
    deadline_ms: 30_000,
  });
const forgetCache = async ({ bed }: Scene) => {
  const folder = `${bed.root}/var/cache/apt/archives`;
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".deb")) await Deno.remove(`${folder}/${entry.name}`);
  }
};
const atPreinst = {
  prepare: () => {},
  reach: ({ bed }: Scene) => gate(bed, "unpack"),
  release: ({ bed }: Scene) => open(bed, "unpack"),
};
const atPostinst = {
  prepare: ({ bed }: Scene) => bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" }),
  reach: ({ bed }: Scene) => gate(bed, "gate"),
  release: ({ bed }: Scene) => open(bed, "gate"),
};
const held = (pattern: RegExp): Pick<Point, "prepare" | "reach" | "release"> => ({
  prepare: async (scene) => {
    await forgetCache(scene);
    scene.mirror.hold(pattern);
  },
  reach: ({ mirror }) => mirror.held(),
  release: ({ mirror }) => mirror.release(),
});

const points: Point[] = [
  {
    what: "waiting behind another job",
    prepare: async (scene) => {
      await scene.bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
      await scene.executor.operations.start(order("run-0", { packages: ["heron-database"] }));
      await gate(scene.bed, "gate");
    },
    reach: (scene) => told(scene, /^Waiting for the job before it$/),
    release: ({ bed }) => open(bed, "gate"),
    kill: "executor",
    status: "completed",
  },
  { what: "refreshing", ...held(/lab-updates\/Release$/), kill: "executor", status: "completed" },
  { what: "refreshing", ...held(/lab-updates\/Release$/), kill: "everything", status: "completed" },
  { what: "planning", reach: (scene) => told(scene, /^Planning$/), kill: "everything", status: "completed" },
  { what: "saving old packages", ...held(/curlew_7\.88\.1-10_all\.deb$/), kill: "executor", status: "completed" },
  { what: "saving old packages", ...held(/curlew_7\.88\.1-10_all\.deb$/), kill: "everything", status: "completed" },
  {
    what: "written and not started",
    reach: (scene) => told(scene, /^Starting the package manager$/),
    // The moment is too short to hit, so its trace is made: everything is killed at once, and the record set back.
    before_restart: async ({ bed }) => {
      const folder = `${bed.folder}/state/jobs`;
      for await (const { name } of Deno.readDir(folder)) {
        const record = JSON.parse(await Deno.readTextFile(`${folder}/${name}/job.json`));
        await Deno.writeTextFile(
          `${folder}/${name}/job.json`,
          JSON.stringify({ ...record, stage: "starting", pid: null }),
        );
        for (const file of ["output", "status"]) await Deno.remove(`${folder}/${name}/${file}`).catch(() => {});
      }
    },
    prepare: ({ mirror }) => mirror.hold(/curlew_9.*\.deb$/),
    release: ({ mirror }) => mirror.release(),
    kill: "everything",
    status: "failed",
    words: /^Nothing was changed\. The executor was stopped while it started/,
  },
  { what: "downloading", ...held(/curlew_9.*\.deb$/), kill: "executor", status: "completed" },
  {
    what: "downloading",
    ...held(/curlew_9.*\.deb$/),
    kill: "everything",
    status: "failed",
    words: /^Nothing was changed\./,
  },
  { what: "unpacking the first package", ...atPreinst, kill: "executor", status: "completed" },
  {
    what: "unpacking the first package",
    ...atPreinst,
    kill: "everything",
    status: "failed",
    words: /^0 of 3 packages .*cut off/,
  },
  { what: "in a maintainer script", ...atPostinst, kill: "executor", status: "completed" },
  { what: "in a maintainer script", ...atPostinst, kill: "everything", status: "failed", words: /^\d of 3 .*cut off/ },
  {
    what: "after dpkg, before reading the result",
    ...atPostinst,
    before_restart: ({ bed }) =>
      waitFor("the end of apt-get", async () => {
        const rows = await listProcesses();
        return !rows!.some((row) => bed.apt.isApplyOf("run-1", row.command_line));
      }, { deadline_ms: 30_000 }),
    kill: "executor",
    status: "completed",
  },
  {
    what: "waiting for the restart",
    reach: ({ bed }) => waitFor("the command", () => isThere(`${bed.folder}/reboot.called`), { deadline_ms: 30_000 }),
    release: ({ bed }) => Deno.writeTextFile(`${bed.root}/run/boot_id`, "boot-2\n"),
    kill: "everything",
    status: "completed",
    words: /^3 packages at the wanted version\. The host has restarted\./,
  },
];

/** Every planned change is in the record once, as done or failed, and dpkg says the same. */
async function assertTrue(bed: Bed, job: HostJob, packages: string[]): Promise<void> {
  const failed = new Set(job.failed_packages.map((item) => item.name));
  assert.deepEqual(job.changes.map((change) => change.name).toSorted(), packages.toSorted());
  for (const change of job.changes) {
    const there = await bed.version(change.name) === change.to;
    assert.equal(failed.has(change.name), !there, `${change.name}: ${job.message}`);
  }
  assert.equal(job.status === "completed", failed.size === 0);
  const count = await bed.apt.transactionsOf("run-1");
  assert.ok(count <= 1, "never started twice");
  if (failed.size < packages.length) assert.equal(count, 1);
}

aptTest(
  "killed at ten points of an apply: the record is true, and a repair and an apply finish the rest",
  async (t) => {
    for (const point of points) {
      await t.step(`${point.what}, ${point.kill} killed`, async () => {
        await using mirror = await gatedMirror();
        const { bed } = mirror;
        await bed.settings({ SLOW_STEPS: 0 });
        const wait = `: > "$DPKG_ROOT/unpack.waiting"\nstep=0\n` +
          `while [ ! -e "$DPKG_ROOT/unpack" ] && [ "$step" -lt 600 ]; do sleep 0.05; step=$((step+1)); done\n`;
        const preinst = point.reach === atPreinst.reach ? wait : undefined;
        await publish(bed.repository, {
          name: "curlew",
          version: "9.0-1",
          suite: "lab-updates",
          description: "new",
          preinst,
        });
        const reboot_command = `${bed.folder}/reboot`;
        await Deno.writeTextFile(reboot_command, `#!/bin/sh\n: > "${bed.folder}/reboot.called"\n`, { mode: 0o755 });
        await Deno.writeTextFile(`${bed.root}/run/boot_id`, "boot-1\n");
        const first = await startExecutor(bed, { reboot_command });
        const scene: Scene = { mirror, bed, executor: first, events: [] };
        first.operations.watch((event) => scene.events.push(event));
        await first.operations.health();
        await point.prepare?.(scene);
        const reboot = point.what === "waiting for the restart" ? "always" as const : "never" as const;
        const behind = point.what === "waiting behind another job";
        // The job before it does the rest.
        const wanted = { ...apply, reboot, packages: behind ? packages.slice(1) : packages };
        const { job_id } = await first.operations.start(wanted);
        await point.reach(scene);
        if (point.kill === "everything") await first.killTree();
        else await first.kill();
        await point.release?.(scene);
        await point.before_restart?.(scene);

        const second = await startExecutor(bed, { reboot_command });
        assert.equal((await second.operations.start(apply)).job_id, job_id, "the run is known");
        const job = await endOf(second.operations, job_id);
        assert.equal(job.status, point.status, job.message);
        assert.match(job.message, point.words ?? /^[23] packages at the wanted version/);
        await assertTrue(bed, job, wanted.packages);

        const repair = await runToEnd(second.operations, repairOrder("repair"));
        assert.equal(repair.status, "completed", `${repair.message}\n${repair.output}`);
        assert.equal((await bed.apt.database()).state, "ok");
        const rest = await runToEnd(second.operations, order("run-2", { packages, versions: targets }));
        assert.equal(rest.status, "completed", rest.message);
        for (const [name, version] of Object.entries(targets)) assert.equal(await bed.version(name), version);
        assert.equal(await second.stop(), 0);
      });
    }
  },
);
