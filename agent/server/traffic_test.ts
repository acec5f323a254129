import assert from "node:assert/strict";
import { Traffic } from "./traffic.ts";

const limits = { concurrent: 2, rate: 10, burst: 3, connections: 1, sockets: 1 };

Deno.test("the rate holds in the long run, a burst is allowed after a silence", () => {
  let now = 0;
  const traffic = new Traffic(limits, () => now);
  const take = () => {
    const wait = traffic.enter();
    if (wait === null) traffic.leave();
    return wait;
  };
  assert.deepEqual([take(), take(), take(), take()], [null, null, null, 1]);
  now = 99;
  assert.equal(take(), 1, "a tenth of a second has not passed");
  now = 200;
  assert.equal(take(), null);
  now = 1_000_000;
  assert.deepEqual(
    [take(), take(), take(), take()],
    [null, null, null, 1],
    "a long silence gives no more than a burst",
  );
});

Deno.test("what runs at once is counted, and a refused call takes no place", () => {
  const traffic = new Traffic({ ...limits, burst: 100 }, () => 0);
  assert.equal(traffic.enter(), null);
  assert.equal(traffic.enter(), null);
  assert.equal(traffic.enter(), 1);
  assert.equal(traffic.running, 2);
  traffic.leave();
  assert.equal(traffic.enter(), null);
});

Deno.test("a slow rate says how long to wait", () => {
  const traffic = new Traffic({ ...limits, burst: 1, rate: 0.1 }, () => 0);
  assert.equal(traffic.enter(), null);
  traffic.leave();
  assert.equal(traffic.enter(), 10);
});
