import assert from "node:assert/strict";
import { HYGIENE_RULES, type HygieneCounts, hygieneParts, scoreHygiene } from "./score.ts";

/** A fleet of a hundred without any fault. */
const PERFECT: HygieneCounts = {
  hosts: 100,
  reported: 100,
  asked: 100,
  up_to_date: 100,
  security_under_7_days: 0,
  security_7_to_30_days: 0,
  security_30_to_90_days: 0,
  security_over_90_days: 0,
  unrated: 0,
  worst_critical: 0,
  worst_high: 0,
  worst_medium: 0,
  worst_low: 0,
  reboot_required: 0,
  silent: 0,
  stale: 0,
  critical_over_7_days: 0,
};

const points = (counts: HygieneCounts) => scoreHygiene(counts).parts.map((part) => part.points);

Deno.test("no score without any host", () => {
  const none = Object.fromEntries(Object.keys(PERFECT).map((key) => [key, 0])) as unknown as HygieneCounts;
  const { score, grade, held_back, parts } = scoreHygiene(none);
  assert.deepEqual([score, grade, held_back], [null, null, false]);
  assert.deepEqual(parts.map((part) => part.points), [null, null, null, null, null, null]);
});

Deno.test("the points of all parts add up to 100, and only a fleet without any fault has them all", () => {
  assert.deepEqual(Object.keys(HYGIENE_RULES.most), [...hygieneParts]);
  assert.equal(Object.values(HYGIENE_RULES.most).reduce((sum, most) => sum + most, 0), 100);
  const { score, grade, parts } = scoreHygiene(PERFECT);
  assert.deepEqual([score, grade], [100, "green"]);
  assert.deepEqual(parts.map(({ name }) => name), [...hygieneParts]);
  for (const part of parts) assert.equal(part.points, part.most);
  // One of 2,500 is enough to lose it.
  const large = { ...PERFECT, hosts: 2_500, reported: 2_500, asked: 2_500, up_to_date: 2_499 };
  assert.equal(scoreHygiene(large).score, 99);
});

Deno.test("each part by its own numbers", () => {
  const table: [string, Partial<HygieneCounts>, (number | null)[], number][] = [
    ["half up to date", { up_to_date: 50 }, [12.5, 25, 20, 10, 10, 10], 87],
    ["none up to date", { up_to_date: 0 }, [0, 25, 20, 10, 10, 10], 75],
    ["security updates under 7 days everywhere", { security_under_7_days: 100 }, [25, 20, 20, 10, 10, 10], 95],
    ["from 7 days", { security_7_to_30_days: 100 }, [25, 12.5, 20, 10, 10, 10], 87],
    ["from 30 days", { security_30_to_90_days: 100 }, [25, 5, 20, 10, 10, 10], 80],
    ["from 90 days", { security_over_90_days: 100 }, [25, 0, 20, 10, 10, 10], 75],
    [
      "ages mixed",
      { security_under_7_days: 10, security_7_to_30_days: 20, security_30_to_90_days: 5, security_over_90_days: 1 },
      [25, 20.7, 20, 10, 10, 10],
      95,
    ],
    ["critical everywhere", { worst_critical: 100 }, [25, 25, 0, 10, 10, 10], 80],
    ["high everywhere", { worst_high: 100 }, [25, 25, 8, 10, 10, 10], 88],
    ["medium everywhere", { worst_medium: 100 }, [25, 25, 14, 10, 10, 10], 94],
    ["low everywhere", { worst_low: 100 }, [25, 25, 18, 10, 10, 10], 98],
    ["severities mixed", { worst_critical: 1, worst_high: 10, worst_medium: 20 }, [25, 25, 17.4, 10, 10, 10], 97],
    ["a third due for a reboot", { reboot_required: 33 }, [25, 25, 20, 6.7, 10, 10], 96],
    ["a third silent", { silent: 33 }, [25, 25, 20, 10, 6.7, 10], 96],
    ["all stale", { stale: 100, up_to_date: 0 }, [0, 25, 20, 10, 10, 0], 65],
  ];
  for (const [words, change, expected, score] of table) {
    assert.deepEqual(points({ ...PERFECT, ...change }), expected, words);
    assert.equal(scoreHygiene({ ...PERFECT, ...change }).score, score, words);
  }
});

Deno.test("what nobody knows counts neither way, and the other parts stand for the whole", () => {
  // Of ten rated hosts one has a critical update; the ninety that nobody rates are left out.
  assert.equal(points({ ...PERFECT, unrated: 90, worst_critical: 1 })[2], 18);
  const unrated = scoreHygiene({ ...PERFECT, unrated: 100, up_to_date: 0 });
  assert.equal(unrated.parts[2].points, null);
  assert.equal(unrated.score, 68, "55 of the 80 points that can be had");
  const new_fleet = scoreHygiene({ ...PERFECT, reported: 0, asked: 0, up_to_date: 0, stale: 100 });
  assert.deepEqual(new_fleet.parts.map((part) => part.points), [0, null, null, null, null, 0]);
  assert.deepEqual([new_fleet.score, new_fleet.grade], [0, "red"], "silence is no success");
  assert.deepEqual(new_fleet.parts.map((part) => part.of), [100, 0, 0, 0, 0, 100]);
});

Deno.test("green from 90, yellow from 70, red below", () => {
  // Twenty-five points lie in the hosts up to date, fifty more in ages and reboots: every score can be made.
  const table: [number, Partial<HygieneCounts>, string][] = [
    [90, { up_to_date: 60 }, "green"],
    [89, { up_to_date: 59 }, "yellow"],
    [70, { up_to_date: 0, security_30_to_90_days: 25 }, "yellow"],
    [69, { up_to_date: 0, security_30_to_90_days: 26 }, "red"],
  ];
  for (const [score, change, grade] of table) {
    const seen = scoreHygiene({ ...PERFECT, ...change });
    assert.deepEqual([seen.score, seen.grade, seen.held_back], [score, grade, false]);
  }
});

Deno.test("red in any case while a critical update is older than 7 days", () => {
  const one = scoreHygiene({ ...PERFECT, up_to_date: 99, worst_critical: 1, critical_over_7_days: 1 });
  assert.deepEqual([one.score, one.grade, one.held_back], [99, "red", true]);
  const poor = scoreHygiene({ ...PERFECT, up_to_date: 0, stale: 100, critical_over_7_days: 1 });
  assert.deepEqual([poor.grade, poor.held_back], ["red", false], "it is red anyway");
});

Deno.test("the limits can be set", () => {
  const strict = { ...HYGIENE_RULES, green: 99, yellow: 95 };
  assert.equal(scoreHygiene({ ...PERFECT, up_to_date: 92 }, strict).grade, "yellow");
  const only_silence = {
    ...HYGIENE_RULES,
    most: { ...HYGIENE_RULES.most, silent: 60, up_to_date: 0, security_age: 0 },
  };
  assert.equal(scoreHygiene({ ...PERFECT, up_to_date: 0, silent: 50 }, only_silence).score, 70);
});

Deno.test("the score is the sum of the points as they are written, and stays within 0 and 100", () => {
  for (let hosts = 1; hosts <= 40; hosts++) {
    for (let bad = 0; bad <= hosts; bad++) {
      const all = { hosts, reported: hosts, asked: hosts };
      const { score, parts } = scoreHygiene({
        ...PERFECT,
        ...all,
        up_to_date: hosts - bad,
        security_30_to_90_days: bad,
        worst_high: bad,
        reboot_required: bad,
        silent: bad,
        stale: bad,
      });
      const written = parts.reduce((sum, { points }) => sum + Number(points!.toFixed(1)), 0);
      assert.equal(score, Math.floor(written + 1e-9));
      assert.ok(score! >= 0 && score! <= 100);
      for (const { points, most } of parts) assert.ok(points! >= 0 && points! <= most);
      assert.equal(score === 100, bad === 0);
    }
  }
});

Deno.test("numbers that do not fit together, because a host came or went between two reads, stay in bounds", () => {
  const more = { ...PERFECT, hosts: 99, reported: 99, asked: 99 };
  assert.deepEqual(points(more), [25, 25, 20, 10, 10, 10]);
  const fewer = { ...PERFECT, up_to_date: 0, reported: 1, asked: 1, unrated: 2, security_under_7_days: 3, silent: 2 };
  const { parts, score } = scoreHygiene({ ...fewer, worst_critical: 2, reboot_required: 5, stale: 101 });
  for (const { points, most, of } of parts) assert.ok(of >= 0 && (points === null || points >= 0 && points <= most));
  assert.ok(score! >= 0 && score! <= 100);
});
