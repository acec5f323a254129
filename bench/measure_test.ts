import assert from "node:assert/strict";
import { type Figure, jsonOf, percentile, rounded, spread, tableOf, timeEach, verdict } from "./measure.ts";

const figure = (value: number, target: number | null, least?: true): Figure => ({
  ...{ name: "work", value, unit: "ms", target },
  ...least ? { least } : {},
});

const verdicts: [Figure, string][] = [
  [figure(101, 100), "missed"],
  [figure(100, 100), "met"],
  [figure(99, 100, true), "missed"],
  [figure(100, 100, true), "met"],
  [figure(1e9, null), ""],
];
for (const [one, expected] of verdicts) {
  Deno.test(`${one.value} against ${one.least ? "at least" : "at most"} ${one.target} is ${expected || "nothing"}`, () => {
    assert.equal(verdict(one), expected);
  });
}

Deno.test("the share of sorted values below the percentile is at least the one asked for", () => {
  const values = Array.from({ length: 20 }, (_, n) => n + 1);
  for (const share of [0, 0.05, 0.5, 0.95, 0.951, 1]) {
    const at = percentile(values, share);
    assert.ok(values.filter((value) => value <= at).length >= share * values.length, `${share}: ${at}`);
    assert.ok(values.filter((value) => value < at).length < Math.max(1, share * values.length), `${share}: ${at}`);
  }
  assert.equal(percentile([7], 0.95), 7);
});

Deno.test("each call is timed, and the times are sorted", async () => {
  const calls: number[] = [];
  const times = await timeEach(5, (n) => Promise.resolve(calls.push(n)));
  assert.deepEqual(calls, [0, 1, 2, 3, 4]);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

Deno.test("the target belongs to the 95th percentile", () => {
  assert.deepEqual(spread("read", [1, 2, 3, 4], 3), [
    { name: "read, median", value: 2, unit: "ms", target: null },
    { name: "read, p95", value: 4, unit: "ms", target: 3 },
  ]);
});

Deno.test("figures have three digits and no more", () => {
  assert.deepEqual([0.1234, 9.876, 12.34, 123.4, 12345.6].map(rounded), ["0.12", "9.88", "12.3", "123", "12,346"]);
});

Deno.test("a line of the table says value, unit, target and whether it is missed; one of JSON has five members", () => {
  const [line] = tableOf([figure(123.4, 100)]);
  assert.match(line, /^work +123 ms +≤ 100 ms +missed$/);
  assert.match(tableOf([figure(5, 4, true)])[0], /≥ 4 ms +met$/);
  assert.deepEqual(JSON.parse(jsonOf(figure(123.456, 100), "two cores")), {
    name: "work",
    value: 123.5,
    unit: "ms",
    target: 100,
    machine: "two cores",
  });
});
