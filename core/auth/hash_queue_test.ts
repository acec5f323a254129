import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { type Asker, HashQueue } from "./hash_queue.ts";

const LIMITS = { at_once: 2, kept: 1, waiting: 8, known_network: 6, strange_network: 3, strange_wide: 5 };

/** A queue whose works end when they are told to. */
function bed() {
  const queue = new HashQueue(LIMITS);
  const started: string[] = [];
  const open = new Map<string, () => void>();
  const ask = (name: string, asker: Asker) => {
    const done = queue.run(asker, () => {
      started.push(name);
      return new Promise<void>((resolve) => open.set(name, resolve));
    });
    return done.then(() => "done", (thrown) => {
      assert.ok(thrown instanceof AppError && thrown.code === "too_many_requests", String(thrown));
      assert.ok(thrown.details.some(({ field }) => field === "retry_after_seconds"));
      return "refused";
    });
  };
  /** Ends a work and lets everything that follows from it happen. */
  const end = async (name: string) => {
    open.get(name)!();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { ask, end, started };
}

const stranger = (n: number, wide = `w${n}`): Asker => ({ own: `s${n}`, wide, known: false });
const known = (n: number): Asker => ({ own: `k${n}`, wide: `w${n}`, known: true });

Deno.test("a flood of one strange network fills its own part of the queue and nobody else's", async () => {
  const { ask, end, started } = bed();
  const flood = Array.from({ length: 50 }, (_, i) => ask(`flood${i}`, stranger(1)));
  const other = ask("other", stranger(2));
  const office = ask("office", known(3));
  assert.deepEqual(started, ["flood0", "office"], "the kept place is free for the known one");
  await end("flood0");
  assert.deepEqual(started.at(-1), "flood1");
  await end("flood1");
  assert.deepEqual(started.at(-1), "other", "the other network is served before the flood's third");
  for (const name of ["office", "other", "flood2", "flood3"]) await end(name);
  const answers = await Promise.all(flood);
  assert.equal(answers.filter((answer) => answer === "done").length, 1 + LIMITS.strange_network);
  assert.deepEqual([await other, await office], ["done", "done"]);
});

Deno.test("strangers from everywhere never take the place that is kept, nor the known ones' queue", async () => {
  const { ask, end, started } = bed();
  const flood = Array.from({ length: 40 }, (_, i) => ask(`flood${i}`, stranger(i)));
  assert.deepEqual(started, ["flood0"]);
  const office = Array.from({ length: 4 }, (_, i) => ask(`office${i}`, known(i)));
  assert.deepEqual(started, ["flood0", "office0"]);
  for (const name of ["office0", "office1", "office2", "office3"]) await end(name);
  assert.deepEqual(await Promise.all(office), Array(4).fill("done"), "while the flood stood still");
  for (let i = 0; i <= LIMITS.waiting; i++) await end(`flood${i}`);
  const answers = await Promise.all(flood);
  assert.equal(answers.filter((answer) => answer === "refused").length, 40 - 1 - LIMITS.waiting);
});

Deno.test("addresses rented in one block share a part of the queue", async () => {
  const { ask, end } = bed();
  const flood = Array.from({ length: 20 }, (_, i) => ask(`flood${i}`, stranger(i, "block")));
  const other = ask("other", stranger(99));
  for (let i = 0; i <= LIMITS.strange_wide; i++) await end(`flood${i}`);
  await end("other");
  for (let i = 0; i <= LIMITS.strange_wide; i++) await end(`flood${i}`);
  assert.equal(await other, "done");
  assert.equal((await Promise.all(flood)).filter((answer) => answer === "done").length, 1 + LIMITS.strange_wide);
});

Deno.test("known ones use both places, and strangers still get their turn", async () => {
  const { ask, end, started } = bed();
  const all = Array.from({ length: 5 }, (_, i) => ask(`office${i}`, known(i)));
  assert.deepEqual(started, ["office0", "office1"]);
  all.push(ask("new", stranger(1)));
  await end("office0");
  assert.equal(started.at(-1), "office2");
  await end("office1");
  assert.equal(started.at(-1), "new", "in turn");
  for (const name of ["office2", "office3", "new", "office4"]) await end(name);
  assert.deepEqual(await Promise.all(all), Array(6).fill("done"));
});

Deno.test("work that fails gives its place back", async () => {
  const queue = new HashQueue(LIMITS);
  const fail = () => Promise.reject(new Error("broken"));
  for (let i = 0; i < 5; i++) await assert.rejects(queue.run(known(1), fail), /broken/);
  assert.equal(await queue.run(known(1), () => Promise.resolve("works")), "works");
});
