import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { hashPassword, verifyPassword } from "./password.ts";

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
  const answers = await Promise.allSettled(Array.from({ length: 80 }, () => verifyPassword(hash, "wrong")));
  const turned = answers.filter((answer) => answer.status === "rejected");
  assert.equal(turned.length, 80 - 2 - 64);
  for (const { reason } of turned as PromiseRejectedResult[]) {
    assert.ok(reason instanceof AppError && reason.code === "too_many_requests");
  }
  assert.equal(await verifyPassword(hash, "stapler wobbles quietly"), true, "and it works again afterwards");
});
