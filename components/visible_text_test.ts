import assert from "node:assert/strict";
import { visibleText } from "./visible_text.ts";

const TABLE: [string, string, string][] = [
  ["plain text", "Setting up bash (5.2) ...\n\tdone", "Setting up bash (5.2) ...\n\tdone"],
  ["letters of all scripts", "Łódź 日本 עברית 🐧", "Łódź 日本 עברית 🐧"],
  ["colours of a terminal", "\u001b[31mred\u001b[0m", "␛[31mred␛[0m"],
  ["a title, a bell, a carriage return", "\u001b]0;x\u0007\rover", "␛]0;x␇␍over"],
  ["line ends of other systems", "one\r\ntwo\r", "one\ntwo"],
  ["DEL and C1", "\u007f\u009b31m", "␡[U+009B]31m"],
  ["text turned around", "safe\u202egpj.exe\u2066", "safe[U+202E]gpj.exe[U+2066]"],
  ["what has no width", "ad\u200bmin\ufeff\u00ad", "ad[U+200B]min[U+FEFF][U+00AD]"],
  ["tags", "a\u{e0041}", "a[U+E0041]"],
];
for (const [what, text, shown] of TABLE) {
  Deno.test(`${what}: shown for what it is`, () => assert.equal(visibleText(text), shown));
}
