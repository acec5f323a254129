import assert from "node:assert/strict";
import { computed, signal } from "@preact/signals";
import { parse } from "devalue";
import { HttpError, statusOf } from "./http_error.ts";
import { type IslandRun, writePayload } from "./islands.tsx";

const run = (...props: Record<string, unknown>[]): IslandRun => ({ names: new Set(["table"]), props });

Deno.test("props that cannot travel are refused with island and path", () => {
  class Host {}
  for (const value of [() => 1, new Host(), Symbol("s"), Promise.resolve()]) {
    assert.throws(() => writePayload(run({ rows: [value] }), {}), /island \(table\) cannot be sent.*rows\[0\]/);
  }
});

Deno.test("markup in props stays data", () => {
  const text = writePayload(run({ name: "</script><script>alert(1)</script><!--" }), {});
  assert.doesNotMatch(text, /</);
  assert.equal(parse(text).props[0].name, "</script><script>alert(1)</script><!--");
});

Deno.test("rich props arrive as they were, and a signal given twice stays one", () => {
  const shared = signal(3);
  const sum = computed(() => shared.value + 1);
  const text = writePayload(run({ shared, at: new Date(5), map: new Map([[1, new Set(["a"])]]) }, { shared, sum }), {});
  const { props } = parse(text, {
    Signal: ([value]) => ({ signal: value }),
    Computed: ([value]) => ({ computed: value }),
  });
  assert.equal(props[0].shared, props[1].shared);
  assert.deepEqual(props[1].sum, { computed: 4 });
  assert.equal(props[0].at.getTime(), 5);
  assert.deepEqual(props[0].map, new Map([[1, new Set(["a"])]]));
});

Deno.test("only a status from 400 to 599 counts as one", () => {
  for (
    const thrown of [new Error("x"), null, "text", { status: 200 }, { status: "404" }, { status: 600 }, { status: NaN }]
  ) {
    assert.equal(statusOf(thrown), 500);
  }
  assert.equal(statusOf({ status: 409 }), 409);
  assert.throws(() => new HttpError(200), RangeError);
});
