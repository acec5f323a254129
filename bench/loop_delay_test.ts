import assert from "node:assert/strict";
import { waitFor } from "../testing/wait_for.ts";
import { LoopDelay } from "./loop_delay.ts";

Deno.test("a loop that stands still is seen, and for how long", async () => {
  using delay = new LoopDelay();
  await waitFor("a turn", () => delay.late.length > 0);
  const end = performance.now() + 120;
  while (performance.now() < end);
  const before = delay.late.length;
  await waitFor("the next turn", () => delay.late.length > before);
  const most = delay.figures("the test").find(({ name }) => name.endsWith("most"));
  assert.ok(most && most.value >= 100, JSON.stringify(most));
});

Deno.test("nothing watched is no figure", () => {
  using delay = new LoopDelay();
  assert.throws(() => delay.figures("the test"), /never turned/);
});
