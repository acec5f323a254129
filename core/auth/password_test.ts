import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { hashPassword, isOutdated, verifyPassword } from "./password.ts";

Deno.test("a hash names Argon2id and at least the specification's parameters", async () => {
  assert.match(await hashPassword("stapler wobbles quietly"), /^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
});

Deno.test("a password fits its own hash only", async () => {
  const hash = await hashPassword("stapler wobbles quietly");
  assert.equal(await verifyPassword(hash, "stapler wobbles quietly"), true);
  assert.equal(await verifyPassword(hash, "stapler wobbles quietly "), false);
  assert.notEqual(hash, await hashPassword("stapler wobbles quietly"), "salted");
});

Deno.test("the same characters typed on another keyboard fit: Unicode compatibility normalisation", async () => {
  const hash = await hashPassword("pre\u0301cieux mot de passe");
  assert.equal(await verifyPassword(hash, "pr\u00e9cieux mot de passe"), true);
});

Deno.test("an unknown user costs as much as a wrong password and never fits", async () => {
  const hash = await hashPassword("stapler wobbles quietly");
  await verifyPassword(null, "warm up");
  const time = async (of: string | null) => {
    const start = performance.now();
    assert.equal(await verifyPassword(of, "wrong"), false);
    return performance.now() - start;
  };
  const known: number[] = [], unknown: number[] = [];
  for (let i = 0; i < 5; i++) {
    known.push(await time(hash));
    unknown.push(await time(null));
  }
  const least = (times: number[]) => Math.min(...times);
  // Not a speed test: without the hash made for nobody, the second is a thousand times faster.
  assert.ok(least(unknown) > least(known) / 3, `${least(unknown)} ms against ${least(known)} ms`);
});

Deno.test("a storm of logins queues, and what does not fit into the queue is asked to come back", async () => {
  const hash = await hashPassword("stapler wobbles quietly");
  const storm = { own: "198.51.100.9/32", wide: "198.51.100.0/24", known: false };
  const answers = await Promise.allSettled(Array.from({ length: 80 }, () => verifyPassword(hash, "wrong", storm)));
  const turned = answers.filter((answer) => answer.status === "rejected");
  assert.equal(turned.length, 80 - 1 - 8, "one at work and eight waiting: the part of a strange network");
  for (const { reason } of turned as PromiseRejectedResult[]) {
    assert.ok(reason instanceof AppError && reason.code === "too_many_requests");
  }
  assert.equal(await verifyPassword(hash, "stapler wobbles quietly", storm), true, "and it works again afterwards");
});

const TAIL = "$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG";
const ages: [hash: string, outdated: boolean][] = [
  [`$argon2id$v=19$m=65536,t=3,p=1${TAIL}`, false],
  [`$argon2id$v=19$m=131072,t=4,p=2${TAIL}`, false],
  [`$argon2id$v=19$m=65535,t=3,p=1${TAIL}`, true],
  [`$argon2id$v=19$m=19456,t=2,p=1${TAIL}`, true],
  [`$argon2id$v=19$m=65536,t=2,p=1${TAIL}`, true],
  [`$argon2id$v=16$m=65536,t=3,p=1${TAIL}`, true],
  [`$argon2i$v=19$m=65536,t=3,p=1${TAIL}`, true],
  ["", true],
];
for (const [hash, outdated] of ages) {
  Deno.test(`${outdated ? "outdated" : "good"}: ${hash.slice(0, 34)}`, () => assert.equal(isOutdated(hash), outdated));
}

Deno.test("a password that is no well-formed Unicode is a password all the same", async () => {
  const hash = await hashPassword("\ud800 and eleven more");
  assert.equal(await verifyPassword(hash, "\ud800 and eleven more"), true);
  assert.equal(await verifyPassword(hash, "and eleven more"), false);
});
