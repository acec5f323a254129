import assert from "node:assert/strict";
import { PollPace } from "./poll_pace.ts";

/** Takes all there is, every `step_ms` for `ms`; answers when each poll began. */
function takeAll(mean: number, ms: number, step_ms: number): number[] {
  let now = 0;
  const pace = new PollPace(() => now);
  pace.setMean(mean);
  const began: number[] = [];
  for (; now <= ms; now += step_ms) {
    const room = pace.room;
    pace.spend(room);
    for (let i = 0; i < room; i++) began.push(now);
  }
  return began;
}

/** The most in any window of a second. */
function busiestSecond(times: number[]): number {
  return Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length));
}

for (const mean of [10, 100]) {
  for (const step_ms of [1, 250, 990]) {
    Deno.test(`a backlog at ${mean}/s in the mean, looked at every ${step_ms} ms, is at most 2.5 times that in a second`, () => {
      const began = takeAll(mean, 20_000, step_ms);
      assert.ok(busiestSecond(began) <= 2.5 * mean, `${busiestSecond(began)} in a second`);
      assert.ok(began.length >= mean / 2 * 20, `${began.length} in 20 s`);
    });
  }
}

Deno.test("a backlog is caught up with at twice the rate", () => {
  const began = takeAll(10, 60_000, 250);
  assert.ok(began.length >= 1_185 && began.length <= 1_210, `${began.length} in a minute`);
});

Deno.test("after a pause of any length no more than was saved up begins at once", () => {
  let now = 0;
  const pace = new PollPace(() => now);
  pace.setMean(40);
  pace.spend(pace.room);
  now = 3_600_000;
  assert.equal(pace.room, 20);
});

Deno.test("few hosts, or none known yet, do not wait", () => {
  const pace = new PollPace(() => 0);
  assert.equal(pace.room, 4);
  pace.setMean(0.1);
  assert.equal(pace.room, 4);
  pace.spend(4);
  assert.equal(pace.room, 0);
});

Deno.test("more than there was room for is paid back, and never asked of the database as a negative number", () => {
  let now = 0;
  const pace = new PollPace(() => now);
  pace.spend(pace.room + 6);
  assert.equal(pace.room, 0);
  now = 500;
  assert.equal(pace.room, 0);
  now = 1_000;
  assert.equal(pace.room, 2);
});
