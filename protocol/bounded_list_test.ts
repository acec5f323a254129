import assert from "node:assert/strict";
import { z } from "zod";
import { PatchList } from "./api.ts";
import { boundedList } from "./bounded_list.ts";

const Names = boundedList(z.object({ name: z.string().max(3), extra: z.number().optional() }), 3);

Deno.test("items are read as their schema says, without what it does not know", () => {
  assert.deepEqual(Names.parse([{ name: "a", more: 1 }, { name: "b", extra: 2 }]), [{ name: "a" }, {
    name: "b",
    extra: 2,
  }]);
  assert.deepEqual(Names.parse([]), []);
});

const WRONG: [string, unknown, (string | number)[]][] = [
  ["no list", {}, []],
  ["too many", [1, 2, 3, 4], []],
  ["the second item", [{ name: "a" }, { name: "long" }, 7], [1, "name"]],
  ["an item of another kind", [7], [0]],
];
for (const [what, value, path] of WRONG) {
  Deno.test(`${what}: one finding, which names its place`, () => {
    const { issues } = Names.safeParse(value).error!;
    assert.equal(issues.length, 1);
    assert.deepEqual(issues[0].path, path);
    assert.notEqual(issues[0].message, "");
  });
}

Deno.test("a million and a half wrong values in a list of updates cost no more than one", () => {
  const patch = {
    ...{ name: "a", current_version: "1", available_version: "2", severity: "low" },
    cve_ids: Array(2_048).fill(0),
  };
  const { success, error } = PatchList.safeParse({ patches: Array(800).fill(patch) });
  assert.equal(success, false);
  assert.deepEqual([error!.issues.length, error!.issues[0].path], [1, ["patches", 0, "cve_ids", 0]]);
});
