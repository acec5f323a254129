import assert from "node:assert/strict";
import { createLog, silentLog } from "../core/log.ts";
import { waitFor } from "../testing/wait_for.ts";
import { Bell } from "./bell.ts";
import { startLoop } from "./loop.ts";

function loopOf(turn: () => Promise<boolean>, options: { interval_ms?: number; lines?: string[] } = {}) {
  const stopping = new AbortController();
  let beats = 0;
  const log = options.lines ? createLog({ write: (line) => void options.lines!.push(line) }) : silentLog;
  const loop = startLoop({
    ...{ name: "test", interval_ms: options.interval_ms ?? 3_600_000, turn, log },
    signal: stopping.signal,
    beat: () => void beats++,
  });
  return {
    loop,
    beats: () => beats,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await loop.done;
    },
  };
}

Deno.test("a loop turns at the start, when woken, and no more", async () => {
  let turns = 0;
  await using running = loopOf(() => Promise.resolve(++turns > 1e6));
  await waitFor("the first turn", () => turns === 1);
  running.loop.wake();
  await waitFor("the second turn", () => turns === 2);
  assert.equal(running.beats(), 2);
});

Deno.test("a wake-up call during a turn is not lost, and many are one", async () => {
  let turns = 0;
  const gate = Promise.withResolvers<void>();
  await using running = loopOf(async () => {
    if (++turns === 1) await gate.promise;
    return false;
  });
  await waitFor("the first turn", () => turns === 1);
  for (let i = 0; i < 5; i++) running.loop.wake();
  gate.resolve();
  await waitFor("the second turn", () => turns === 2);
  running.loop.wake();
  await waitFor("the third turn", () => turns === 3);
});

Deno.test("without a call it turns slowly by itself, and at once while there is more", async () => {
  let turns = 0;
  await using _slow = loopOf(() => Promise.resolve(++turns < 0), { interval_ms: 5 });
  await waitFor("slow turns", () => turns >= 3);
  let left = 20;
  await using _quick = loopOf(() => Promise.resolve(--left > 0));
  await waitFor("all of it", () => left === 0);
});

Deno.test("a turn that throws is logged, and tried again after a pause that nobody shortens", async () => {
  const lines: string[] = [];
  let turns = 0;
  await using running = loopOf(() => {
    if (++turns === 1) return Promise.reject(new Error("the database is away"));
    return Promise.resolve(false);
  }, { lines });
  const began = performance.now();
  await waitFor("the failure", () => lines.length === 1);
  running.loop.wake();
  await waitFor("the next turn", () => turns === 2);
  assert.ok(performance.now() - began > 400);
  assert.match(lines[0], /loop\.failed.*test: the database is away/);
});

Deno.test("a loop ends after the turn that runs", async () => {
  const stopping = new AbortController();
  const gate = Promise.withResolvers<void>();
  let ended = false;
  const turn = async () => {
    await gate.promise;
    ended = true;
    return true;
  };
  const loop = startLoop({ name: "t", interval_ms: 1, turn, signal: stopping.signal, beat: () => {}, log: silentLog });
  stopping.abort();
  gate.resolve();
  await loop.done;
  assert.equal(ended, true);
});

Deno.test("a bell that was rung before is heard at once, and only once", async () => {
  const bell = new Bell();
  const never = new AbortController().signal;
  bell.ring();
  bell.ring();
  await bell.wait(3_600_000, never);
  const began = performance.now();
  await bell.wait(30, never);
  assert.ok(performance.now() - began >= 25, "the second ring was the same");
  await bell.wait(3_600_000, AbortSignal.abort());
});

Deno.test("a database that is away is a warning, a defect is an error", async () => {
  const away = Object.assign(new Error("terminating connection due to administrator command"), { code: "57P01" });
  for (const [thrown, level] of [[away, "warn"], [new TypeError("x is not a function"), "error"]] as const) {
    const lines: string[] = [];
    const stop = new AbortController();
    const logged = Promise.withResolvers<void>();
    const log = createLog({
      write: (line) => {
        lines.push(line);
        logged.resolve();
      },
    });
    const loop = startLoop({
      name: "poller",
      interval_ms: 60_000,
      turn: () => Promise.reject(thrown),
      signal: stop.signal,
      beat: () => {},
      log,
    });
    await logged.promise;
    stop.abort();
    await loop.done;
    assert.equal(JSON.parse(lines[0]).level, level);
  }
});
