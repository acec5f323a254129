import assert from "node:assert/strict";
import { Together } from "./together.ts";

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

/** Lets everything run on that waits for nothing else. */
const settle = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("who is alone begins at once; what comes meanwhile is done together next", async () => {
  const { together, turns } = scripted(undefined, 3);
  const first = together.add(1);
  const others = [2, 3, 4, 5].map((n) => together.add(n));
  assert.deepEqual(turns.map(({ items }) => items), [[1]]);
  turns[0].end.resolve();
  await first;
  await settle();
  assert.deepEqual(turns.map(({ items }) => items), [[1], [2, 3, 4]], "so many at most");
  turns[1].end.resolve();
  await Promise.all(others.slice(0, 3));
  await settle();
  turns[2].end.resolve();
  await others[3];
  assert.deepEqual(turns[2].items, [5]);
  const later = together.add(6);
  turns[3].end.resolve();
  await later;
});

Deno.test("who cannot be done with the others is done alone, and nobody waits for that", async () => {
  const { together, turns, alone } = scripted((items) => items.filter((n) => n === 2));
  const [one, two] = [together.add(1), together.add(2)];
  turns[0].end.resolve();
  await one;
  await settle();
  turns[1].end.resolve();
  const three = together.add(3);
  await settle();
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
  await settle();
  turns[1].end.reject(new Error("one of them"));
  await settle();
  assert.deepEqual(alone.map(({ item }) => item), [2, 3]);
  alone[0].end.reject(new Error("it was 2"));
  alone[1].end.resolve();
  await assert.rejects(others[0], /it was 2/);
  await others[1];
});
