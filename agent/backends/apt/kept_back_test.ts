import assert from "node:assert/strict";
import { parseUnmet } from "./kept_back.ts";
import { believe, listed, offer } from "./listing_fixture_test.ts";
import type { Offered } from "./listing_fixture_test.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

Deno.test("unmet dependencies are read line by line, with and without the package's name", () => {
  const found = parseUnmet(`Some packages could not be installed.

The following packages have unmet dependencies:
 stork : Depends: stork-core (>= 2.0) but it is not installable
         PreDepends: stork-base but 1.0 is to be installed
         Recommends: nothing
 libc6:i386 : Breaks: libc6 (!= 2.36)
 heron : Conflicts: osprey
E: Unable to correct problems, you have held broken packages.
E: The following information from --solver 3.0 may provide additional context:
   1. stork:amd64=2.0-1 Depends stork-core (>= 2.0)
`);
  assert.deepEqual([...found], [
    ["stork", [
      "depends on stork-core (>= 2.0) but it is not installable",
      "predepends on stork-base but 1.0 is to be installed",
    ]],
    ["libc6:i386", ["breaks libc6 (!= 2.36)"]],
    ["heron", ["conflicts osprey"]],
  ]);
  assert.equal(parseUnmet("").size, 0);
});

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `rook-${String(index).padStart(2, "0")}`);

sandboxTest("thirty impossible ones are all named by one question", async (bed) => {
  await believe(bed, numbered(30).map((name) => ({ name })));
  await offer(
    bed,
    numbered(30).map((name): Offered => [name, "2.0-1", "lab-updates", { depends: `${name}-gone (>= 9)` }]),
  );
  const by = await listed(bed);
  for (const name of numbered(30)) {
    assert.equal(by.get(name)!.state, "kept_back");
    assert.match(
      by.get(name)!.state_reason!,
      new RegExp(`${name} depends on ${name}-gone \\(>= 9\\) but it is not inst`),
    );
  }
});

sandboxTest("only twenty are looked into alone at once; the others say so, and their turn comes", async (bed) => {
  const names = numbered(30);
  await believe(bed, [...names, ...names.map((name) => `${name}-old`)].map((name) => ({ name })));
  await offer(bed, names.map((name): Offered => [name, "2.0-1", "lab-updates", { conflicts: `${name}-old` }]));
  const open = async () => {
    const by = await listed(bed);
    const rooks = names.map((name) => by.get(name)!);
    assert.ok(rooks.every((patch) => patch.state === "kept_back"));
    const known = rooks.filter((patch) => patch.removes!.length > 0);
    for (const patch of known) assert.deepEqual(patch.removes, [`${patch.name}-old`]);
    return rooks.filter((patch) => patch.removes!.length === 0).map((patch) => patch.state_reason!);
  };
  // stork-plugins is kept back too. A slow machine gets less far in its four seconds.
  const first = await open();
  assert.ok(first.length >= 10 && first.length < 30, String(first.length));
  assert.match(first[0], /Kept back like 30 others; it was not looked into alone yet/);
  let last = first.length;
  while (last > 0) {
    const now = (await open()).length;
    assert.ok(now < last, `${now} of ${last} are still open`);
    last = now;
  }
});

sandboxTest("together in each other's way is not the same as impossible", async (bed) => {
  const names = ["rook-one", "rook-two", "rook-three"];
  await believe(bed, names.map((name) => ({ name })));
  const others = (name: string) =>
    names.filter((other) => other !== name).map((other) => `${other} (>= 2.0)`).join(", ");
  await offer(bed, names.map((name): Offered => [name, "2.0-1", "lab-updates", { conflicts: others(name) }]));
  const by = await listed(bed);
  const patches = names.map((name) => by.get(name)!);
  assert.deepEqual(patches.map((patch) => patch.state).toSorted(), ["installable", "kept_back", "kept_back"]);
  for (const patch of patches.filter((patch) => patch.state === "kept_back")) {
    // The two that wait do collide, but that is not why each of them does.
    assert.match(patch.state_reason!, /cannot be installed together with the other updates/);
  }
});
