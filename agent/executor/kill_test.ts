import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { aptTest, type Bed, isThere, makeBed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import { OperationError } from "../host_operations.ts";
import { endOf, order } from "./executor_fixture_test.ts";
import { startExecutor } from "./executor_process_fixture_test.ts";
import { gatedMirror } from "./gated_mirror_fixture_test.ts";
import { listProcesses } from "./process.ts";

const apply = order("run-1", { packages: ["heron-database", "curlew"] });

async function transactionPid(bed: Bed): Promise<number | null> {
  const rows = await listProcesses();
  return rows!.find((row) =>
    row.command_line.startsWith("/usr/bin/apt-get") && bed.apt.isApplyOf("run-1", row.command_line)
  )
    ?.pid ?? null;
}

async function assertDoneOnce(bed: Bed): Promise<void> {
  assert.equal(await bed.version("heron-database"), "15.5-0");
  assert.equal(await bed.version("curlew"), "7.88.1-11");
  assert.equal(await bed.apt.transactionsOf("run-1"), 1);
  assert.equal((await bed.apt.database()).state, "ok");
}

aptTest("killed while it refreshes or downloads: nothing is lost, nothing starts twice", async (t) => {
  for (const [what, held] of [["refresh", /lab-updates\/Release$/], ["download", /heron.*\.deb$/]] as const) {
    await t.step(what, async () => {
      await using mirror = await gatedMirror();
      const { bed } = mirror;
      await bed.settings({ SLOW_STEPS: 0 });
      const first = await startExecutor(bed);
      mirror.hold(held);
      const { job_id } = await first.operations.start(apply);
      await mirror.held();
      await first.kill();
      const second = await startExecutor(bed);
      const again = await second.operations.start(apply);
      assert.equal(again.job_id, job_id);
      if (what === "download") {
        await assert.rejects(
          second.operations.cancel(job_id),
          (error) => error instanceof OperationError && error.code === "CANCEL_TOO_LATE",
        );
      }
      mirror.release();
      const job = await endOf(second.operations, job_id);
      assert.equal(job.status, "completed", job.message);
      await assertDoneOnce(bed);
      assert.equal(await second.stop(), 0);
    });
  }
});

sandboxTest("killed while dpkg works: the next executor follows it to its true end", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const first = await startExecutor(bed);
  const { job_id } = await first.operations.start(apply);
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  const before = (await first.operations.job(job_id))!;
  await first.kill();
  const second = await startExecutor(bed);
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  const job = await endOf(second.operations, job_id);
  assert.deepEqual([job.status, job.exit_code], ["completed", null], job.message);
  assert.ok(job.seq > before.seq && job.output.startsWith(before.output));
  await assertDoneOnce(bed);
  await second.stop();
});

sandboxTest(
  "the agent's own package is among the updates: its script restarts the executor, the job goes on",
  async (bed) => {
    // As packaging/agent/postinst does through systemd: a stop that waits, a start of what was just unpacked.
    const postinst = ': > "$DPKG_ROOT/own.waiting"\nstep=0\n' +
      'while [ ! -e "$DPKG_ROOT/own" ] && [ "$step" -lt 1200 ]; do sleep 0.05; step=$((step+1)); done\n' +
      'echo "patch-agent: both units were restarted"\n';
    await publish(bed.repository, {
      ...{ name: "curlew", version: "9.0-1", suite: "lab-updates", description: "stands for patch-agent", postinst },
    });
    await bed.settings({ SLOW_STEPS: 1 });
    const first = await startExecutor(bed);
    const { job_id } = await first.operations.start(apply);
    await waitFor("the agent's own script", () => isThere(`${bed.root}/own.waiting`), { deadline_ms: 30_000 });
    assert.equal(await first.stop(), 0, "the executor waits for no job, so the script that waits for it goes on");
    const second = await startExecutor(bed);
    await Deno.writeTextFile(`${bed.root}/own`, "");
    const job = await endOf(second.operations, job_id);
    assert.deepEqual([job.status, job.failed_packages], ["completed", []], job.message);
    assert.match(job.output, /both units were restarted/);
    assert.deepEqual([await bed.version("curlew"), await bed.version("heron-database")], ["9.0-1", "15.5-0"]);
    assert.equal(await bed.apt.transactionsOf("run-1"), 1);
    await second.stop();
  },
);

sandboxTest("killed while the package manager was halted: it goes on", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const first = await startExecutor(bed);
  const { job_id } = await first.operations.start(apply);
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  Deno.kill((await transactionPid(bed))!, "SIGSTOP");
  await first.kill();
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  const second = await startExecutor(bed);
  assert.equal((await endOf(second.operations, job_id)).status, "completed");
  await assertDoneOnce(bed);
  await second.stop();
});

sandboxTest("killed before the end was recorded: judged by reading, whatever it was", async (bed) => {
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const first = await startExecutor(bed);
  const { job_id } = await first.operations.start(
    order("run-1", { packages: ["heron-database", "curlew", "osprey-agent"] }),
  );
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  await first.kill();
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  await waitFor("the end of apt-get", async () => await transactionPid(bed) === null, { deadline_ms: 30_000 });
  const second = await startExecutor(bed);
  const job = await endOf(second.operations, job_id);
  assert.deepEqual([job.status, job.error_code, job.exit_code], ["failed", "PKG_MANAGER_ERROR", null]);
  assert.deepEqual(job.failed_packages.map((failed) => failed.name), ["osprey-agent"]);
  assert.match(job.failed_packages[0].reason, /exit status 1/);
  assert.equal(await bed.version("curlew"), "7.88.1-11");
  assert.equal(await bed.apt.transactionsOf("run-1"), 1);
  await second.stop();
});

sandboxTest("killed between the record and the start: said so, and never started", async (bed) => {
  // The moment itself is too short to hit, so its trace on disk is made: a planned job in stage "starting".
  await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
  const first = await startExecutor(bed);
  const slow = await first.operations.start(order("run-0", { packages: ["heron-database"] }));
  const { job_id } = await first.operations.start(order("run-1", { packages: ["curlew"] }));
  await waitFor("the slow script", () => isThere(`${bed.root}/gate.waiting`));
  await first.kill();
  const plan = await bed.apt.plan({
    packages: ["lumen-utils"],
    versions: {},
    security_only: false,
    new_packages: null,
  });
  const path = `${bed.folder}/state/jobs/${job_id}/job.json`;
  const record = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...record, stage: "starting", plan }));
  await Deno.writeTextFile(`${bed.root}/gate`, "");
  const second = await startExecutor(bed);
  assert.equal((await endOf(second.operations, slow.job_id)).status, "completed");
  const job = await endOf(second.operations, job_id);
  assert.deepEqual([job.status, job.error_code], ["failed", "UNKNOWN_ERROR"]);
  assert.match(job.message, /^Nothing was changed\. The executor was stopped while it started/);
  assert.equal((await second.operations.start(apply)).job_id, job_id);
  assert.equal(await bed.apt.transactionsOf("run-1"), 0);
  assert.equal(await bed.version("lumen-utils"), "2.38.1-5");
  await second.stop();
});

sandboxTest("killed again and again at random moments: one transaction, one true state", async (first_bed) => {
  let seed = 4711;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let round = 0; round < 4; round++) {
    const bed = round === 0 ? first_bed : await makeBed();
    try {
      await bed.settings({ SLOW_STEPS: 3 });
      let executor = await startExecutor(bed);
      const { job_id } = await executor.operations.start(apply);
      for (let kill = 0; kill < 2; kill++) {
        // Between any two steps that it tells, from before the refresh to after the end.
        const step = Math.floor(random() * 14);
        await waitFor("the step", async () => {
          const { seq, completed_at } = (await executor.operations.job(job_id))!;
          return seq >= step || completed_at !== null;
        }, { every_ms: 1 });
        await executor.kill();
        executor = await startExecutor(bed);
        assert.equal((await executor.operations.start(apply)).job_id, job_id);
      }
      const job = await endOf(executor.operations, job_id);
      const done = await bed.version("curlew") === "7.88.1-11" && await bed.version("heron-database") === "15.5-0";
      assert.equal(job.status === "completed", done, `round ${round}: ${job.message}`);
      assert.equal(await bed.apt.transactionsOf("run-1"), done ? 1 : 0);
      assert.equal((await bed.apt.database()).state, "ok");
      await executor.stop();
    } finally {
      if (bed !== first_bed) await Deno.remove(bed.folder, { recursive: true });
    }
  }
});
