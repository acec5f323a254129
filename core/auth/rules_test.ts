import assert from "node:assert/strict";
import { canonicalUsername, oneTimePassword, pauseAfter, THROTTLES } from "./rules.ts";

const pauses: [keyof typeof THROTTLES, number, number][] = [
  ["pair", 0, 0],
  ["pair", 5, 0],
  ["pair", 6, 1],
  ["pair", 7, 2],
  ["pair", 10, 16],
  ["pair", 16, 900],
  ["pair", 1_000_000, 900],
  ["account", 20, 0],
  ["account", 26, 30],
  ["account", 1_000_000, 30],
  ["known", 5, 0],
  ["known", 1_000_000, 30],
  ["network", 21, 1],
  ["wide", 61, 1],
];
for (const [kind, failures, seconds] of pauses) {
  Deno.test(`${failures} failures of one ${kind} cost ${seconds} s`, () => {
    assert.equal(pauseAfter(THROTTLES[kind], failures), seconds);
  });
}

Deno.test("one-time passwords are readable, long and never the same", () => {
  const made = Array.from({ length: 200 }, oneTimePassword);
  for (const password of made) assert.match(password, /^([2-9a-hjkmnp-z]{4}-){4}[2-9a-hjkmnp-z]{4}$/);
  assert.equal(new Set(made).size, made.length);
  const seen = new Set(made.join("").replaceAll("-", ""));
  assert.equal(seen.size, 31, "every character of the alphabet turns up in 4,000");
});

Deno.test("user names are compared without case, width and surrounding space", () => {
  assert.equal(canonicalUsername(" ＡＤＭＩＮ "), "admin");
});
