import assert from "node:assert/strict";
import { settingRules } from "../../../../core/settings/rules.ts";
import type { SettingRule } from "../../../../core/settings/types.ts";
import { amountText, fullAmount, sameAs, settingsSentence, topicOf, TOPICS } from "./setting_words.ts";

const table: [value: number, unit: SettingRule["unit"], amount: string, same: string | null][] = [
  [1, "hosts", "1 host", null],
  [2_500, "hosts", "2,500 hosts", null],
  [0, "seconds", "0 seconds", null],
  [1, "seconds", "1 second", null],
  [59, "seconds", "59 seconds", null],
  [60, "seconds", "60 seconds", "1 minute"],
  [90, "seconds", "90 seconds", null],
  [1_800, "seconds", "1,800 seconds", "30 minutes"],
  [5_400, "seconds", "5,400 seconds", "90 minutes"],
  [7_200, "seconds", "7,200 seconds", "2 hours"],
  [86_400, "seconds", "86,400 seconds", "1 day"],
  [1, "minutes", "1 minute", null],
  [45, "minutes", "45 minutes", null],
  [60, "minutes", "60 minutes", "1 hour"],
  [184, "days", "184 days", null],
  [1, "days", "1 day", null],
  [5, "per minute", "5 per minute", null],
];
for (const [value, unit, amount, same] of table) {
  Deno.test(`${value} ${unit} is ${same ?? amount}`, () => {
    assert.equal(amountText(value, { unit }), amount);
    assert.equal(sameAs(value, { unit }), same);
    assert.equal(fullAmount(value, { unit }), same ? `${amount}, which is ${same}` : amount);
  });
}

Deno.test("every setting has its part of the page, and every part a setting", () => {
  const used = new Set(settingRules.map(topicOf));
  assert.deepEqual([...used].sort(), Object.keys(TOPICS).sort());
});

Deno.test("the sentence counts what differs from its default", () => {
  const of = (value: number) => ({ value, default: 1 });
  assert.match(settingsSentence([of(1), of(1)]), /^All are as they come/);
  assert.match(settingsSentence([of(1), of(2)]), /^1 of 2 differs/);
  assert.match(settingsSentence([of(3), of(2)]), /^2 of 2 differ /);
});
