import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { RefusalLimit } from "./refusal_limit.ts";

Deno.test("ten refused tokens cost an address nothing, then it waits longer and longer, for a quarter of an hour at most", () => {
  const clock = fakeClock();
  const limit = new RefusalLimit(clock);
  const pauses: number[] = [];
  for (let i = 0; i < 24; i++) {
    const pause = limit.note("203.0.113.5");
    pauses.push(pause);
    assert.equal(limit.secondsBlocked("203.0.113.5"), pause);
    assert.equal(limit.secondsBlocked("203.0.113.6"), 0, "others do not wait for it");
    clock.advance({ seconds: pause });
    assert.equal(limit.secondsBlocked("203.0.113.5"), 0);
  }
  assert.deepEqual(pauses.slice(0, 15), [...Array(10).fill(0), 1, 2, 4, 8, 16]);
  assert.equal(pauses.at(-1), 900);
  clock.advance({ hours: 1 });
  assert.equal(limit.note("203.0.113.5"), 0, "an hour of quiet is forgiven");
});

Deno.test("one IPv6 network is one stranger, however many addresses it has", () => {
  const limit = new RefusalLimit(fakeClock());
  for (let i = 0; i < 11; i++) limit.note(`2001:db8:1:2::${i.toString(16)}`);
  assert.equal(limit.secondsBlocked("2001:db8:1:2:ffff::1"), 1);
  assert.equal(limit.secondsBlocked("2001:db8:1:3::1"), 0);
  assert.equal(limit.secondsBlocked("2001:db8::1"), 0);
});

Deno.test("the memory is bounded: those that were quiet longest are forgotten", () => {
  const limit = new RefusalLimit(fakeClock());
  for (let i = 0; i < 12; i++) limit.note("198.51.100.1");
  for (let i = 0; i < 9_999; i++) limit.note(`10.${i >> 8}.${i & 255}.1`);
  assert.ok(limit.secondsBlocked("198.51.100.1") > 0);
  limit.note("192.0.2.1");
  assert.equal(limit.secondsBlocked("198.51.100.1"), 0);
});
