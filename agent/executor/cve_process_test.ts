import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, sandboxTest } from "../backends/apt/sandbox_fixture_test.ts";
import type { HostOperations } from "../host_operations.ts";
import { openExecutor } from "./executor_fixture_test.ts";
import { startExecutor } from "./executor_process_fixture_test.ts";
import { openHostExecutor } from "./host_executor.ts";

const NUMBER_OF_SECURITY_UPDATES = 5;

async function known(operations: HostOperations): Promise<string[]> {
  const { patches } = await operations.patches({});
  return patches.filter((patch) => patch.cve_source === "changelog").map((patch) => patch.name);
}

function folder(bed: Bed): string[] {
  return [...Deno.readDirSync(`${bed.folder}/state/changelogs`)].map((entry) => entry.name);
}

sandboxTest("cves: with the executor's own rights they come over the socket", async (bed) => {
  const executor = await startExecutor(bed);
  try {
    const list = await waitFor("the ids", async () => {
      const found = await executor.operations.patches({});
      return found.patches.filter((p) => p.cve_source === "changelog").length === NUMBER_OF_SECURITY_UPDATES && found;
    }, { deadline_ms: 30_000, every_ms: 200 });
    const corvid = list.patches.find((patch) => patch.name === "corvid-httpd")!;
    assert.deepEqual([corvid.cve_ids, corvid.cve_source], [["CVE-2026-990021"], "changelog"]);
    const packages = await executor.operations.packages();
    assert.deepEqual(packages.find((item) => item.name === "corvid-httpd")!.cve_ids, ["CVE-2026-990021"]);
    assert.deepEqual(folder(bed).filter((name) => !name.endsWith(".json")), [], "no package is left");
  } finally {
    assert.equal(await executor.stop(), 0);
  }
});

sandboxTest("cves: an executor that is killed again and again in the middle ends with all of them", async (bed) => {
  const seen: number[] = [];
  for (let round = 0; round < 4; round++) {
    const executor = await startExecutor(bed);
    seen.push((await known(executor.operations)).length);
    // Somewhere in the first, second, … source; what was read before is kept.
    await waitFor("a little progress", () => folder(bed).length > round, { deadline_ms: 30_000, every_ms: 5 });
    await executor.kill();
  }
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b), "nothing that was known is forgotten");
  const executor = openExecutor(bed);
  await waitFor("all ids", async () => (await known(executor)).length === NUMBER_OF_SECURITY_UPDATES, {
    deadline_ms: 30_000,
    every_ms: 200,
  });
  await executor.close();
  assert.deepEqual(folder(bed).filter((name) => !name.endsWith(".json")), []);
});

sandboxTest("cves: switched off, nothing is downloaded and none is shown, not even a known one", async (bed) => {
  const open = (changelogs: boolean) =>
    openHostExecutor({
      ...{ state: `${bed.folder}/state`, root: bed.root, manager: bed.apt, clock: systemClock, log: silentLog },
      ...{ version: "0.0.0", changelogs },
    });
  const off = open(false);
  assert.deepEqual(await known(off), []);
  assert.ok((await off.packages()).every((item) => item.cve_ids!.length === 0));
  await off.close();
  assert.ok(![...Deno.readDirSync(`${bed.folder}/state`)].some((entry) => entry.name === "changelogs"));
  const on = open(true);
  await waitFor("the ids", async () => (await known(on)).length === NUMBER_OF_SECURITY_UPDATES, {
    deadline_ms: 30_000,
    every_ms: 200,
  });
  await on.close();
  const again = open(false);
  assert.deepEqual(await known(again), []);
  await again.close();
});
