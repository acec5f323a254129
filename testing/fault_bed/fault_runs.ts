import assert from "node:assert/strict";
import { sandboxMissing } from "../../demo/sandbox.ts";
import { FaultBed } from "./bed.ts";

/** What is killed, and what must be true then. */
export type FaultRun = [name: string, run: (bed: FaultBed) => Promise<void>];

const missing = await sandboxMissing();
const required = Deno.env.get("TEST_REQUIRE") === "all";

/**
 * One test with a step for each run, all on one bed, one after the other; left out, with the reason in its name, where
 * apt and dpkg are missing.
 */
export function faultRuns(name: string, runs: FaultRun[]): void {
  if (missing !== null && !required) return Deno.test.ignore(`${name} (left out: ${missing})`, () => {});
  Deno.test(name, async (t) => {
    assert.equal(missing, null);
    await using bed = await FaultBed.make();
    for (const [words, run] of runs) {
      // A process that one run starts may be killed by the next; the test around them looks for leaks.
      await t.step({ name: words, fn: () => run(bed), sanitizeOps: false, sanitizeResources: false });
    }
    assert.deepEqual(await bed.processes.errors(), [], "errors that nobody foresaw");
  });
}
