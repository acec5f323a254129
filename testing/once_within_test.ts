import assert from "node:assert/strict";
import { assertOnceWithin } from "./once_within.ts";

Deno.test("one of three tries in time is enough, and no more are made than needed", async () => {
  const took = [1_000, 999, 5];
  await assertOnceWithin(1_000, "the end", () => Promise.resolve(took.shift()!));
  assert.deepEqual(took, [5]);
});

Deno.test("three slow ones fail, with what each took", async () => {
  const took = [2_000.4, 1_000, 7_000, 1];
  const trial = assertOnceWithin(1_000, "the end", () => Promise.resolve(took.shift()!));
  await assert.rejects(trial, /the end: 2000, 1000, 7000 ms/);
  assert.deepEqual(took, [1]);
});
