import assert from "node:assert/strict";
import { mountTest } from "../backends/apt/small_disk_fixture_test.ts";
import { openExecutor, order, runToEnd } from "./executor_fixture_test.ts";

async function mount(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mount", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** What of the host is read-only; whether apt comes as far as dpkg. */
const places: [folder: string, begins: RegExp][] = [
  ["", /^A file system of this host is mounted read-only/],
  ["/usr", /^0 of 1 packages are at the wanted version\. A file system of this host is mounted read-only/],
];

for (const [folder, begins] of places) {
  mountTest(`a host whose ${folder || "/"} is mounted read-only says so, and nothing counts as done`, async (bed) => {
    const path = bed.root + folder;
    await mount("--bind", path, path);
    try {
      await mount("-o", "remount,bind,ro", path);
      const executor = openExecutor(bed);
      const job = await runToEnd(executor, order("read-only", { packages: ["curlew"] }));
      assert.deepEqual([job.status, job.error_code], ["failed", "PERMISSION_DENIED"]);
      assert.match(job.message, begins);
      await executor.close();
    } finally {
      await new Deno.Command("umount", { args: [path] }).output();
    }
    assert.notEqual(await bed.version("curlew"), "7.88.1-11");
  });
}
