import assert from "node:assert/strict";
import { readShare, type Shares, troubleByShare } from "./shares.ts";
import { makeTraits } from "./traits.ts";

const shares: Shares = { dead: 0.05, slow: 0.05, flaky: 0.02, failing: 0.05 };

function countTroubles(hosts: number, seed: number, wanted: Shares = shares): Record<string, number> {
  const counted: Record<string, number> = {};
  for (let index = 0; index < hosts; index++) {
    const { trouble } = makeTraits(seed, index, wanted);
    counted[trouble] = (counted[trouble] ?? 0) + 1;
  }
  return counted;
}

for (const [hosts, slack] of [[2_500, 4], [300, 3], [40, 2]] as const) {
  Deno.test(`${hosts} hosts have their shares, dead ones silent and refusing in equal parts`, () => {
    for (const seed of [1, 7, 99]) {
      const counted = countTroubles(hosts, seed);
      const wanted = { silent: 0.025, refusing: 0.025, slow: 0.05, flaky: 0.02, failing: 0.05 };
      for (const [trouble, share] of Object.entries(wanted)) {
        const count = counted[trouble] ?? 0;
        assert.ok(Math.abs(count - share * hosts) <= slack, `${count} of ${hosts} are ${trouble}, seed ${seed}`);
      }
    }
  });
}

Deno.test("hosts that are not special are in no trouble", () => {
  const none = countTroubles(2_500, 7, { dead: 0, slow: 0, flaky: 0, failing: 0 });
  assert.deepEqual(Object.keys(none).sort(), ["current", "held", "none", "phased", "reboot_due"]);
  assert.deepEqual(countTroubles(100, 7, { dead: 0, slow: 1, flaky: 0, failing: 0 }), { slow: 100 });
});

Deno.test("the same seed has the same special hosts, another seed others", () => {
  const all = (seed: number) => Array.from({ length: 200 }, (_, index) => troubleByShare(shares, seed, index));
  assert.deepEqual(all(7), all(7));
  assert.notDeepEqual(all(7), all(8));
});

for (
  const [text, share] of [
    ...[["5%", 0.05], ["0%", 0], ["100%", 1], ["2.5%", 0.025], ["0.05", 0.05], ["1", 1], ["0", 0]] as const,
    ...[["", null], ["5", null], ["101%", null], ["-1%", null], ["5 %", null], ["5%%", null], ["1e-1", null]] as const,
    ...[["five", null], [".5", null], ["NaN", null]] as const,
  ]
) Deno.test(`the share ${JSON.stringify(text)} is ${share}`, () => assert.equal(readShare(text), share));
