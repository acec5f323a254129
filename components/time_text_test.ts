import assert from "node:assert/strict";
import { ageText, exactText, relativeText, spanText } from "./time_text.ts";
import { later } from "./use_now.ts";

const NOW = "2026-11-21T08:05:12Z";

Deno.test("an unknown zone gives UTC instead of a failing page", () => {
  assert.equal(exactText(NOW, "Mars/Olympus"), "21 Nov 2026, 08:05:12 UTC");
});

Deno.test("relative words at their edges", () => {
  for (
    const [seconds, words] of [
      [0, "just now"],
      [9, "just now"],
      [-9, "just now"],
      [10, "10 s ago"],
      [59, "59 s ago"],
      [60, "1 min ago"],
      [3599, "59 min ago"],
      [3600, "1 h ago"],
      [86_399, "23 h ago"],
      [86_400, "1 day ago"],
      [2 * 86_400, "2 days ago"],
      [1500 * 86_400, "1,500 days ago"],
      [-7200, "in 2 h"],
      [-86_400, "in 1 day"],
    ] as const
  ) assert.equal(relativeText(later(NOW, -seconds * 1000), NOW), words);
});

Deno.test("an age is never negative, even when clocks differ", () => {
  assert.equal(ageText(later(NOW, 60_000), NOW), "0 s");
  assert.equal(ageText(later(NOW, -240_000), NOW), "4 min");
  assert.equal(spanText(90 * 60_000), "1 h");
});

Deno.test("exact times name their zone, summer and winter", () => {
  assert.equal(exactText(NOW, "Europe/Berlin"), "21 Nov 2026, 09:05:12 CET");
  assert.equal(exactText("2026-07-01T10:00:00Z", "Europe/Berlin"), "1 Jul 2026, 12:00:00 CEST");
  assert.equal(exactText(NOW), "21 Nov 2026, 08:05:12 UTC");
});
