import assert from "node:assert/strict";
import { blocklistIn } from "./blocklist.ts";
import { LONGEST_PASSWORD, passwordProblems, shortestPassword } from "./password_rules.ts";

const blocklist = blocklistIn(new URL("../../dist", import.meta.url).pathname);
const owner = { username: "alice.b", display_name: "Anton Bertrand" };

const refused: [password: string, words: RegExp][] = [
  ["short", /5 characters, at least 12/],
  ["", /0 characters/],
  ["x", /1 character,/],
  ["elevenchars", /11 characters/],
  ["😀😀😀😀", /4 characters/],
  ["ﬃﬃﬃ", /9 characters/],
  ["aaaaaaaaaaaa", /too few characters/],
  ["abababababab", /too few characters/],
  ["abcdefghijklm", /simple run/],
  ["zyxwvutsrqpon", /simple run/],
  ["0123456789012", /simple run|everybody|too few/],
  ["alice-b-rides-a-bike", /your user name/],
  ["ALICE.B rides a bike", /your user name/],
  ["go home, Anton Bertrand", /your name/],
  ["x".repeat(120) + "abcdefgh1", /longer than 128/],
  ["é".repeat(129), /longer than 128/],
  // Among those that are tried first: as they are, twice, lengthened, disguised.
  ["1qaz2wsx3edc", /everybody/],
  ["Administrator", /everybody/],
  ["unbelievable", /everybody/],
  ["123qweasdzxc", /everybody/],
  ["password1234", /everybody/],
  ["Passw0rd-2026", /everybody/],
  ["2026-administrator", /everybody/],
  ["P@$$w0rd1234", /everybody/],
  ["qwertyuiop2026!!", /everybody/],
  ["letmein-letmein", /everybody/],
  ["dragondragondragon", /everybody/],
  ["Baseball!!!!", /everybody/],
  ["m0nk3y-19921", /everybody/],
  ["Correct Horse Battery Staple", /everybody/],
  ["Linux-Patch-Manager", /everybody/],
  ["ｐａｓｓｗｏｒｄ１２３４", /everybody/],
];
for (const [password, words] of refused) {
  Deno.test(`refused as a password: ${password.slice(0, 30) || "(empty)"}`, async () => {
    const problems = await passwordProblems(password, owner, blocklist);
    assert.ok(problems.some(({ problem }) => words.test(problem)), JSON.stringify(problems));
    for (const { field, hint, problem } of problems) {
      assert.ok(field === "new_password" && hint, "every problem says what to do");
      assert.ok(password.length < 5 || !problem.includes(password), "and does not repeat the password");
    }
  });
}

const accepted = [
  "stapler wobbles quietly",
  "7f#Kq9!vLm2x",
  "зима лето весна осень",
  "a ab abc abcd abcde",
  "                    and spaces",
  "🐟🐠🐡🦈🐬🐳🐋🦭🦦🦫🐿🦔",
  "dragon over 1984 hills",
  "839201748362",
  "é".normalize("NFD").repeat(2) + "clair sous la neige",
  "long".repeat(2) + " enough, but not for ever: ".repeat(3) + "there is an end",
];
for (const password of accepted) {
  Deno.test(`accepted as a password: ${password.slice(0, 30)}`, async () => {
    assert.deepEqual(await passwordProblems(password, owner, blocklist), []);
  });
}

Deno.test("12 characters beside a second factor, 15 alone, at most 128, whatever they are", async () => {
  assert.deepEqual([shortestPassword(false), shortestPassword(true), LONGEST_PASSWORD], [12, 15, 128]);
  const problems = async (length: number, only_factor: boolean) => {
    const password = [..."ж4🐟wq-öß漢zk\u0000x~ø".repeat(10)].slice(0, length).join("");
    return (await passwordProblems(password, { username: "alice", only_factor }, blocklist)).map(({ problem }) =>
      problem
    );
  };
  assert.deepEqual(await problems(12, false), []);
  assert.deepEqual(await problems(12, true), ["It has 12 characters, at least 15 are needed."]);
  assert.deepEqual(await problems(14, true), ["It has 14 characters, at least 15 are needed."]);
  assert.deepEqual(await problems(15, true), []);
  assert.deepEqual(await problems(128, true), []);
  assert.deepEqual(await problems(129, true), ["It is longer than 128 characters."]);
});

Deno.test("a user name of one or two letters is in every password and is no reason", async () => {
  for (const username of ["a", "wo", "--", ""]) {
    assert.deepEqual(await passwordProblems("stapler wobbles quietly", { username }, blocklist), [], username);
  }
});

Deno.test("the list holds thousands that are long enough to be chosen (OWASP ASVS 5.0, 6.2.4: 3,000)", async () => {
  const list = await Deno.readTextFile(new URL("../../dist/common_passwords.txt", import.meta.url));
  const words = list.trimEnd().split("\n");
  assert.ok(words.filter((word) => [...word].length >= 12).length > 40_000);
  assert.ok(list.length < 1_200_000, `${list.length} bytes: the executable carries them`);
  assert.deepEqual(words, [...new Set(words)].sort(), "sorted, each once");
});
