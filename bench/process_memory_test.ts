import assert from "node:assert/strict";
import { forgetPeak, memoryOf, peakOf } from "./process_memory.ts";

Deno.test("the peak of a process is seen after it is over, until it is forgotten", () => {
  let large: Uint8Array | null = new Uint8Array(200 * 2 ** 20).fill(1);
  assert.ok(large.length > 0 && memoryOf(Deno.pid) >= 200);
  const peak = peakOf(Deno.pid);
  assert.ok(peak >= memoryOf(Deno.pid) - 1, "the peak is never below what is there now");
  large = null;
  forgetPeak(Deno.pid);
  assert.ok(peakOf(Deno.pid) <= memoryOf(Deno.pid) + 16, "counted anew from what is there now");
  assert.ok(peakOf(Deno.pid) > 10);
});

Deno.test("a process that is not there has no memory", () => {
  assert.throws(() => memoryOf(2 ** 22 + 1), Deno.errors.NotFound);
});
