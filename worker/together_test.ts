import assert from "node:assert/strict";
import { waitFor } from "../testing/wait_for.ts";
import { Together } from "./together.ts";

/** Waits until the list is so long: until something was begun. */
const begun = (list: unknown[], length: number) => waitFor("what was to begin", () => list.length === length);

/** A Together whose turns end when the test says so. */
function scripted(left: (items: number[]) => number[] = () => [], most = 100) {
  const turns: { items: number[]; end: PromiseWithResolvers<void> }[] = [];
  const alone: { item: number; end: PromiseWithResolvers<void> }[] = [];
  const together = new Together<number>(
    async (items) => {
      const end = Promise.withResolvers<void>();
      turns.push({ items, end });
      await end.promise;
      return left(items);
    },
    async (item) => {
      const end = Promise.withResolvers<void>();
      alone.push({ item, end });
      await end.promise;
    },
    most,
  );
  return { together, turns, alone };
}

Deno.test("who is alone begins at once; what comes meanwhile is done together next", async () => {
  const { together, turns } = scripted(undefined, 3);
  const first = together.add(1);
  const others = [2, 3, 4, 5].map((n) => together.add(n));
  assert.deepEqual(turns.map(({ items }) => items), [[1]]);
  turns[0].end.resolve();
  await first;
  await begun(turns, 2);
  assert.deepEqual(turns.map(({ items }) => items), [[1], [2, 3, 4]], "so many at most");
  turns[1].end.resolve();
  await Promise.all(others.slice(0, 3));
  await begun(turns, 3);
  turns[2].end.resolve();
  await others[3];
  assert.deepEqual(turns[2].items, [5]);
  const later = together.add(6);
  await begun(turns, 4);
  turns[3].end.resolve();
  await later;
});

Deno.test("who cannot be done with the others is done alone, and nobody waits for that", async () => {
  const { together, turns, alone } = scripted((items) => items.filter((n) => n === 2));
  const [one, two] = [together.add(1), together.add(2)];
  turns[0].end.resolve();
  await one;
  await begun(turns, 2);
  const three = together.add(3);
  turns[1].end.resolve();
  await begun(turns, 3);
  turns[2].end.resolve();
  await three;
  assert.deepEqual(alone.map(({ item }) => item), [2]);
  alone[0].end.resolve();
  await two;
});

Deno.test("a turn that fails is done one by one: only who is to blame is told", async () => {
  const { together, turns, alone } = scripted();
  const first = together.add(1);
  const others = [2, 3].map((n) => together.add(n));
  turns[0].end.resolve();
  await first;
  await begun(turns, 2);
  turns[1].end.reject(new Error("one of them"));
  await begun(alone, 2);
  assert.deepEqual(alone.map(({ item }) => item), [2, 3]);
  alone[0].end.reject(new Error("it was 2"));
  alone[1].end.resolve();
  await assert.rejects(others[0], /it was 2/);
  await others[1];
});
