import assert from "node:assert/strict";
import { sharedRuns } from "./shared_runs.ts";

/** Work whose runs end when the test says so. */
function steered() {
  const runs: PromiseWithResolvers<number>[] = [];
  const most = { at_once: 0 };
  let under_way = 0;
  const ask = sharedRuns(async () => {
    const run = Promise.withResolvers<number>();
    runs.push(run);
    most.at_once = Math.max(most.at_once, ++under_way);
    try {
      return await run.promise;
    } finally {
      under_way--;
    }
  });
  const began = async (count: number) => {
    while (runs.length < count) await Promise.resolve();
  };
  return { ask, runs, began, most };
}

Deno.test("who comes while it runs shares the next run, which begins afterwards", async () => {
  const { ask, runs, began, most } = steered();
  const first = ask();
  const late = Array.from({ length: 100 }, () => ask());
  assert.equal(runs.length, 1, "nothing begins beside it");
  runs[0].resolve(1);
  assert.equal(await first, 1);
  await began(2);
  const later = ask();
  runs[1].resolve(2);
  assert.deepEqual(await Promise.all(late), Array(100).fill(2), "none has the answer from before its question");
  await began(3);
  runs[2].resolve(3);
  assert.equal(await later, 3);
  const fresh = ask();
  runs[3].resolve(4);
  assert.equal(await fresh, 4, "nothing is kept");
  assert.deepEqual([runs.length, most.at_once], [4, 1]);
});

Deno.test("a run that fails is told to those who share it, and the next one is tried", async () => {
  const { ask, runs, began, most } = steered();
  const told = [ask(), ask(), ask()].map((one) => one.then(String, (error) => `failed: ${error.message}`));
  runs[0].reject(new Error("one"));
  assert.equal(await told[0], "failed: one");
  await began(2);
  runs[1].reject(new Error("two"));
  assert.deepEqual(await Promise.all(told.slice(1)), ["failed: two", "failed: two"]);
  const good = ask();
  runs[2].resolve(3);
  assert.equal(await good, 3);
  assert.equal(most.at_once, 1);
});

Deno.test("questions from everywhere, all the time: never two runs at once, none without an answer", async () => {
  let under_way = 0, most = 0, began = 0;
  const ask = sharedRuns(async () => {
    const number = ++began;
    most = Math.max(most, ++under_way);
    for (let turn = 0; turn < number % 5; turn++) await Promise.resolve();
    under_way--;
    if (number % 7 === 0) throw new Error("now and then");
    return number;
  });
  const asked = Array.from({ length: 500 }, async (_, index) => {
    for (let turn = 0; turn < index % 40; turn++) await Promise.resolve();
    const before = began;
    const answer = await ask().catch(() => Infinity);
    assert.ok(answer > before, "it began after the question");
  });
  await Promise.all(asked);
  assert.equal(most, 1);
  assert.ok(began < 100, `${began} runs`);
});
