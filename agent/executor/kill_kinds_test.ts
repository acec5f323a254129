import assert from "node:assert/strict";
import { publish } from "../../demo/sandbox.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { aptTest, type Bed, isThere, makeBed } from "../backends/apt/sandbox_fixture_test.ts";
import type { HostOrder } from "../host_operations.ts";
import { endOf, order, repairOrder, rollbackOrder, runToEnd } from "./executor_fixture_test.ts";
import { type ExecutorProcess, startExecutor } from "./executor_process_fixture_test.ts";

/** Makes a host where the order's transaction will stand in the script of heron-database 15.5-0. */
const kinds: { what: string; begin: (bed: Bed, executor: ExecutorProcess) => Promise<HostOrder> }[] = [
  {
    what: "repair",
    async begin(bed) {
      const file = `${bed.repository.folder}/pool/lab-updates/heron-database_15.5-0_all.deb`;
      const options = [
        ...[`--root=${bed.root}`, `--log=${bed.root}/var/log/dpkg.log`],
        ...["--force-not-root", "--force-script-chrootless"],
      ];
      assert.equal((await bed.run("/usr/bin/dpkg", [...options, "--unpack", file])).code, 0);
      return repairOrder("run-1");
    },
  },
  {
    what: "rollback",
    async begin(bed, { operations }) {
      await bed.settings({ SLOW_STEPS: 0 });
      await runToEnd(operations, order("first", { packages: ["heron-database"] }));
      // The version to go back to is the one with the slow script.
      await publish(bed.repository, {
        ...{ name: "heron-database", version: "15.6-0", suite: "lab-updates", description: "without a script" },
      });
      const job = await runToEnd(operations, order("second", { packages: ["heron-database"] }));
      assert.deepEqual([job.status, job.rollback], [
        "completed",
        { possible: true, reason: null, missing_versions: [] },
      ]);
      assert.equal(await bed.version("heron-database"), "15.6-0");
      return rollbackOrder("run-1", job.job_id);
    },
  },
];

for (const { what, begin } of kinds) {
  aptTest(`killed in the middle of a ${what}: followed to its end, or told as it is`, async (t) => {
    for (const everything of [false, true]) {
      await t.step(everything ? "everything" : "the executor", async () => {
        const bed = await makeBed();
        try {
          const first = await startExecutor(bed);
          const wanted = await begin(bed, first);
          await bed.settings({ SLOW_STEPS: 0, SLOW_GATE: "gate" });
          const { job_id } = await first.operations.start(wanted);
          await waitFor("the script", () => isThere(`${bed.root}/gate.waiting`), { deadline_ms: 30_000 });
          await (everything ? first.killTree() : first.kill());
          await Deno.writeTextFile(`${bed.root}/gate`, "");
          const second = await startExecutor(bed);
          assert.equal((await second.operations.start(wanted)).job_id, job_id, "known, and not started again");
          const job = await endOf(second.operations, job_id);
          assert.equal(job.status, everything ? "failed" : "completed", job.message);
          assert.equal(await bed.version("heron-database"), everything ? null : "15.5-0");
          assert.deepEqual(job.failed_packages.map((item) => item.name), everything ? ["heron-database"] : []);
          assert.equal(await bed.apt.transactionsOf("run-1"), what === "rollback" ? 1 : 0);
          assert.equal((await runToEnd(second.operations, repairOrder("next"))).status, "completed");
          assert.equal(await bed.version("heron-database"), "15.5-0");
          assert.equal((await bed.apt.database()).state, "ok");
          assert.equal(await second.stop(), 0);
        } finally {
          await Deno.remove(bed.folder, { recursive: true });
        }
      });
    }
  });
}
