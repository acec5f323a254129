import assert from "node:assert/strict";
import type { Trouble } from "../../agent/backends/simulated/traits.ts";
import { type JudgeInput, judgePolls } from "./judge.ts";
import { cpuShare, slopePerHour } from "./process_figures.ts";
import { readRequestHistory } from "./record_file.ts";

const MINUTE = 60_000;

/** Hosts that are asked every minute at their own second, for ten minutes; `change` edits the lines. */
function judged(
  options: {
    troubles?: Trouble[];
    change?: (lines: string[]) => string[];
    from?: number;
    stalls?: JudgeInput["stalls"];
  } = {},
) {
  const troubles = options.troubles ?? Array<Trouble>(30).fill("none");
  const lines: { at: number; line: string }[] = [];
  troubles.forEach((_, index) => {
    for (let minute = 0; minute < 10; minute++) {
      const at = minute * MINUTE + index * 2_000;
      lines.push({ at, line: `${at} ${index} health` });
    }
  });
  const sorted = lines.sort((a, b) => a.at - b.at).map(({ line }) => line);
  const text = (options.change?.(sorted) ?? sorted).join("\n") + "\n";
  const whole = { from: 0, to: 10 * MINUTE };
  return judgePolls({
    history: readRequestHistory(text),
    troubles,
    spans: [whole],
    whole,
    health_ms: MINUTE,
    patches_ms: 30 * MINUTE,
    stalls: options.stalls,
  });
}

Deno.test("a fleet in order has nothing missed, nothing off", () => {
  const { hosts, polls, missed, off, worst, most_per_second } = judged();
  assert.deepEqual({ hosts, polls, missed, off, worst, most_per_second }, {
    hosts: 30,
    polls: 300,
    missed: 0,
    off: 0,
    worst: 0,
    most_per_second: 1,
  });
});

const wrong: [string, (lines: string[]) => string[], { missed: number; off: number }][] = [
  ["one poll that never came", (lines) => lines.filter((line) => line !== "240000 0 health"), { missed: 1, off: 1 }],
  ["three in a row that never came", (lines) => lines.filter((line) => !/^(182|242|302)000 1 /.test(line)), {
    missed: 3,
    off: 1,
  }],
  ["a host that nobody asks", (lines) => lines.filter((line) => !line.includes(" 5 ")), { missed: 9, off: 0 }],
  [
    "a host that nobody asks any more",
    (lines) => lines.filter((line) => !line.includes(" 5 ") || Number(line.split(" ")[0]) < 5 * MINUTE),
    { missed: 5, off: 0 },
  ],
  ["a poll 4 s late", (lines) => lines.map((line) => line.replace(/^240000 0 /, "244000 0 ")), { missed: 0, off: 2 }],
  ["a poll 2.9 s late", (lines) => lines.map((line) => line.replace(/^240000 0 /, "242900 0 ")), { missed: 0, off: 0 }],
  ["a poll too many", (lines) => lines.toSpliced(lines.indexOf("240000 0 health") + 1, 0, "250000 0 health"), {
    missed: 0,
    off: 2,
  }],
];
for (const [what, change, expected] of wrong) {
  Deno.test(`seen: ${what}`, () => {
    const { missed, off } = judged({ change });
    assert.deepEqual({ missed, off }, expected);
  });
}

Deno.test("dead hosts are not waited for; flaky ones may be asked a minute later, and no later", () => {
  const dead: Trouble[] = ["none", "silent", "refusing", "flaky"];
  const only = (keep: RegExp) => (lines: string[]) => lines.filter((line) => keep.test(line));
  assert.equal(judged({ troubles: dead, change: only(/ [03] health/) }).missed, 0);
  assert.equal(judged({ troubles: dead, change: only(/ [03] health/) }).missed_flaky, 0);
  assert.equal(judged({ troubles: dead, change: only(/ 0 health|(126000|246000) 3 health/) }).missed_flaky, 7);
});

Deno.test("a burst is seen, of both kinds and towards silent hosts", () => {
  const burst = ["health", "patches", "silence"].flatMap((what) =>
    Array.from({ length: 10 }, (_, i) => `${300_000 + i * 90} 7 ${what}`)
  );
  const { most_per_second, most_undisturbed } = judged({ change: (lines) => [...lines, ...burst] });
  assert.ok(most_per_second >= 30, `${most_per_second}`);
  assert.equal(most_undisturbed, most_per_second);
});

Deno.test("what a stall of the machine explains is told apart, and nothing else", () => {
  const change = (lines: string[]) => [
    ...lines.map((line) => line.replace(/^240000 0 /, "244000 0 ").replace(/^362000 1 /, "366000 1 ")),
    "244000 late 3900",
  ];
  const { off, worst, worst_discounted, stalled_ms } = judged({ change });
  assert.equal(off, 2, "the one in the stall is excused, the other one not");
  assert.ok(Math.abs(worst - 4 / 60) < 1e-9 && Math.abs(worst_discounted - 4 / 60) < 1e-9);
  assert.equal(stalled_ms, 3_900);
  assert.equal(judged({ stalls: [{ at: 1_000, ms: 80 }] }).stalled_ms, 80);
});

Deno.test("a line that is still being written is left out", () => {
  const history = readRequestHistory("100 3 health\n200 late 70\n300 3 pat");
  assert.deepEqual([...history.hosts], [[3, [{ at: 100, what: "health" }]]]);
  assert.deepEqual(history.stalls, [{ at: 200, ms: 70 }]);
});

Deno.test("the slope of memory and the share of the processor", () => {
  const hour = (h: number) => h * 3_600_000;
  const grows = [0, 1, 2, 3].map((h) => ({ at: hour(h), rss_mib: 100 + 12 * h + (h % 2), cpu_s: h * 360 }));
  assert.ok(Math.abs(slopePerHour(grows) - 12.2) < 1e-9);
  assert.equal(cpuShare(grows), 0.1);
  assert.ok(Number.isNaN(slopePerHour(grows.slice(0, 2))));
  assert.ok(Number.isNaN(cpuShare([])));
});
