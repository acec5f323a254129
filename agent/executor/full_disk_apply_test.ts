import assert from "node:assert/strict";
import { mountTest, withMount } from "../backends/apt/small_disk_fixture_test.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

mountTest("no room for the download: DISK_FULL, nothing changed, and it works once there is room", async (bed) => {
  const executor = openExecutor(bed);
  const wanted = { packages: ["libtessera3", "curlew"] };
  await withMount(`${bed.root}/var/cache/apt/archives`, "size=64k", async () => {
    await Deno.mkdir(`${bed.root}/var/cache/apt/archives/partial`);
    const job = await runToEnd(executor, order("full", wanted));
    assert.deepEqual([job.status, job.error_code], ["failed", "DISK_FULL"]);
    assert.match(job.message, /^Nothing was changed\. The disk is full/);
    assert.equal(await bed.version("curlew"), "7.88.1-10");
    assert.equal((await executor.health()).checks?.package_manager, "ok");
  });
  assert.equal((await runToEnd(executor, order("room", wanted))).status, "completed");
  await executor.close();
});

mountTest(
  "the disk fills up while dpkg unpacks: what was done and what was not, then a repair and an apply",
  async (bed) => {
    const executor = openExecutor(bed);
    const wanted = { packages: ["libtessera3", "curlew"] };
    await withMount(`${bed.root}/usr`, "size=80k", async () => {
      const job = await runToEnd(executor, order("full", wanted));
      assert.deepEqual([job.status, job.error_code], ["failed", "DISK_FULL"]);
      const failed = job.failed_packages.find((one) => one.name === "libtessera3");
      assert.ok(failed, "the package that did not fit is named");
      // Every planned change is accounted for, and the words agree with dpkg.
      for (const name of wanted.packages) {
        const done = !job.failed_packages.some((one) => one.name === name);
        const change = job.changes.find((one) => one.name === name)!;
        assert.equal(await bed.version(name) === change.to, done, name);
      }
    });
    const { state } = await bed.apt.database();
    const repair = await runToEnd(executor, {
      operation: "repair",
      run_id: "repair",
      dry_run: false,
      deadline_ms: null,
      state_id: null,
    });
    assert.equal(repair.status, "completed", `${state}: ${repair.message}`);
    const again = await runToEnd(executor, order("room", { packages: ["libtessera3"] }));
    assert.equal(again.status, "completed", again.message + again.output);
    assert.equal((await bed.apt.database()).state, "ok");
    await executor.close();
  },
);
