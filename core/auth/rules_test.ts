import assert from "node:assert/strict";
import { canonicalUsername, oneTimePassword, passwordProblems, pauseAfter, THROTTLES } from "./rules.ts";

const refused: [string, RegExp][] = [
  ["short", /5 characters, at least 12/],
  ["", /0 characters/],
  ["elevenchars", /11 characters/],
  ["😀😀😀😀", /4 characters/],
  ["aaaaaaaaaaaa", /too few characters/],
  ["abababababab", /too few characters/],
  ["abcdefghijklm", /simple run/],
  ["zyxwvutsrqpon", /simple run/],
  ["0123456789012", /simple run|everybody|too few/],
  ["password1234", /everybody/],
  ["Passw0rd-2026", /everybody/],
  ["2026-administrator", /everybody/],
  ["alice-rides-a-bike", /user name/],
  ["Correct Horse Battery Staple", /everybody/],
  ["x".repeat(1000) + "abcdefgh12345678901234567", /longer than 1,024/],
];
for (const [password, words] of refused) {
  Deno.test(`refused as a password: ${password.slice(0, 30) || "(empty)"}`, () => {
    const problems = passwordProblems(password, "alice");
    assert.ok(problems.some(({ problem }) => words.test(problem)), JSON.stringify(problems));
    for (const { field, hint } of problems) {
      assert.ok(field === "new_password" && hint, "every problem says what to do");
    }
  });
}

for (const password of ["stapler wobbles quietly", "7f#Kq9!vLm2x", "зима лето весна осень", "a ab abc abcd abcde"]) {
  Deno.test(`accepted as a password: ${password}`, () => assert.deepEqual(passwordProblems(password, "alice"), []));
}

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
  ["address", 21, 1],
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
