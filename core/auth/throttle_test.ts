import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addUser } from "../../testing/job_scenario.ts";
import {
  beginAttempt,
  beginProof,
  deleteOldThrottles,
  forgive,
  forgiveProofs,
  judgeAttempt,
  noteFailure,
  NOTHING,
  rememberNetwork,
  secondsBlocked,
  secondsUntilProof,
} from "./throttle.ts";

const HOME = "192.0.2.1";

function bed(database: TestDatabase) {
  const clock = fakeClock();
  const db = database.web;
  return {
    clock,
    judge: (username: string, address: string | null) => judgeAttempt(db, username, address, clock),
    blocked: (username: string, address: string | null) => secondsBlocked(db, username, address, clock),
    fail: async (username: string, address: string | null) => (await noteFailure(db, username, address, clock)).pause,
    /** What a patient attacker does: waits as long as it must and fails again, from so many networks. */
    hammer: async (username: string, failures: number, address: (n: number) => string) => {
      for (let n = 0; n < failures; n++) await noteFailure(db, username, address(n), clock);
    },
  };
}

const elsewhere = (n: number) => `203.${n % 250}.${Math.floor(n / 250)}.7`;

Deno.test("an attacker who hammers an account from everywhere cannot keep its owner out", async (t) => {
  await using database = await testDatabase();
  const owner = await addUser(database.sql, "admin");
  const { username } = owner;
  const { clock, judge, blocked, fail, hammer } = bed(database);
  await rememberNetwork(database.web, owner.id, HOME, clock);
  await rememberNetwork(database.web, owner.id, "2001:db8:5:6:7::8", clock);
  await hammer(username, 300, elsewhere);
  await t.step("where the owner has signed in before nothing is in the way", async () => {
    assert.deepEqual(await judge(username, HOME), {
      ...{ wait: 0, waits_for: null },
      asker: { own: `${HOME}/32`, wide: "192.0.2.0/24", known: true },
    });
    assert.equal(await blocked(username, "2001:db8:5:6:ffff::1"), 0, "the same /64 under another address");
  });
  await t.step("from a new network the owner waits once, and nobody can take the turn away", async () => {
    assert.equal(await blocked(username, "198.51.100.4"), 30);
    for (let n = 0; n < 29; n++) {
      clock.advance({ seconds: 1 });
      await hammer(username, 5, (n) => elsewhere(n + 300));
      assert.equal(await blocked(username, "198.51.100.4"), 29 - n);
    }
    clock.advance({ seconds: 1 });
    assert.equal(await blocked(username, "198.51.100.4"), 0);
  });
  await t.step("a guesser's new network waits for every guess", async () => {
    assert.equal(await fail(username, "198.51.100.4"), 30);
    assert.equal(await blocked(username, "198.51.100.4"), 30);
  });
  await t.step("other accounts are not slowed down", async () => {
    assert.equal(await blocked("somebody.else", "198.51.100.5"), 0);
  });
  await t.step("after a success nothing is left of it", async () => {
    await forgive(database.web, username, HOME, NOTHING);
    assert.equal(await blocked(username, "198.51.100.200"), 0);
  });
});

Deno.test("somebody else's guessing in the owner's own network costs half a minute at most", async () => {
  await using database = await testDatabase();
  const owner = await addUser(database.sql, "operator");
  const { clock, blocked, hammer } = bed(database);
  await rememberNetwork(database.web, owner.id, HOME, clock);
  await hammer(owner.username, 200, () => HOME);
  assert.equal(await blocked(owner.username, HOME), 30);
  clock.advance({ seconds: 30 });
  assert.equal(await blocked(owner.username, HOME), 0);
});

Deno.test("one machine that tries many names does not keep out the colleague behind the same address", async () => {
  await using database = await testDatabase();
  const colleague = await addUser(database.sql, "operator");
  const { clock, blocked, fail } = bed(database);
  await rememberNetwork(database.web, colleague.id, HOME, clock);
  for (let n = 0; n < 40; n++) await fail(`name${n}`, HOME);
  assert.equal(await blocked("name99", HOME), 900);
  assert.equal(await blocked(colleague.username, HOME), 0);
});

Deno.test("a rented block counts as one, a whole provider does not", async () => {
  await using database = await testDatabase();
  const { blocked, hammer } = bed(database);
  let name = 0;
  const fresh = () => `name${name++}`;
  for (let n = 0; n < 61; n++) await hammer(fresh(), 1, () => `198.51.100.${n}`);
  assert.equal(await blocked(fresh(), "198.51.100.200"), 1);
  assert.equal(await blocked(fresh(), "198.51.101.200"), 0);
  for (let n = 0; n < 21; n++) await hammer(fresh(), 1, () => `2001:db8:1:1::${n}`);
  assert.equal(await blocked(fresh(), "2001:db8:1:1:ffff::"), 1, "a machine changes its address within its /64");
  assert.equal(await blocked(fresh(), "2001:db8:1:2::1"), 0);
  for (let n = 0; n < 40; n++) await hammer(fresh(), 1, () => `2001:db8:1:${n + 10}::1`);
  assert.equal(await blocked(fresh(), "2001:db8:1:99::1"), 1, "a customer has the /48");
  assert.equal(await blocked(fresh(), "2001:db8:2::1"), 0);
});

Deno.test("the pause grows with each failure and is forgotten after an hour", async () => {
  await using database = await testDatabase();
  const { clock, blocked, fail } = bed(database);
  const pauses: number[] = [];
  for (let n = 0; n < 18; n++) pauses.push(await fail("alice", HOME));
  assert.deepEqual(pauses, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
  assert.equal(await blocked("alice", HOME), 900);
  clock.advance({ seconds: 3601 });
  assert.equal(await blocked("alice", HOME), 0);
  assert.equal(await fail("alice", HOME), 0);
});

Deno.test("who cannot be told from others is counted together, and a user who is disabled makes no network known", async () => {
  await using database = await testDatabase();
  const user = await addUser(database.sql, "operator");
  const { clock, judge, blocked, fail } = bed(database);
  await rememberNetwork(database.web, user.id, null, clock);
  for (let n = 0; n < 6; n++) await fail(user.username, null);
  assert.equal(await blocked(user.username, null), 1);
  await rememberNetwork(database.web, user.id, HOME, clock);
  assert.equal((await judge("stranger", HOME)).asker.known, true, "somebody signs in from there");
  await database.sql`update users set disabled_at = app_now()`;
  assert.equal((await judge("stranger", HOME)).asker.known, false);
});

Deno.test("a network is known for 90 days after the last success, and then swept out", async () => {
  await using database = await testDatabase();
  const user = await addUser(database.sql, "operator");
  const { clock, judge, fail } = bed(database);
  await rememberNetwork(database.web, user.id, HOME, clock);
  clock.advance({ hours: 89 * 24 });
  assert.equal((await judge(user.username, HOME)).asker.known, true);
  await rememberNetwork(database.web, user.id, HOME, clock);
  clock.advance({ hours: 89 * 24 });
  assert.equal((await judge(user.username, HOME)).asker.known, true, "seen again meanwhile");
  await fail(user.username, HOME);
  clock.advance({ hours: 2 * 24 });
  assert.equal((await judge(user.username, HOME)).asker.known, false);
  clock.advance({ hours: 6 * 24 });
  await deleteOldThrottles(database.web, clock);
  const [left] = await database.sql`
    select (select count(*)::int from login_networks) as networks, (select count(*)::int from login_throttle) as failures`;
  assert.deepEqual({ ...left }, { networks: 0, failures: 0 });
});

Deno.test("failed proofs of somebody signed in are counted by themselves", async () => {
  await using database = await testDatabase();
  const user = await addUser(database.sql, "operator");
  const { clock, blocked } = bed(database);
  for (let n = 0; n < 30; n++) {
    assert.equal(await beginProof(database.web, user.id, clock), 0);
    clock.advance({ seconds: await secondsUntilProof(database.web, user.id, clock) });
  }
  assert.equal(await beginProof(database.web, user.id, clock), 0);
  assert.equal(await secondsUntilProof(database.web, user.id, clock), 30);
  assert.equal(await blocked(user.username, HOME), 0, "signing in is not slowed down by it");
  assert.equal(await beginProof(database.web, user.id, clock), 30);
  await forgiveProofs(database.web, user.id);
  assert.equal(await secondsUntilProof(database.web, user.id, clock), 0);
});

Deno.test("of many guesses at a password at the same time none goes by uncounted", async () => {
  await using database = await testDatabase();
  const user = await addUser(database.sql, "operator");
  const { clock } = bed(database);
  const begin = (username: string, address: string) => beginAttempt(database.web, username, address, clock);
  const made = async (attempts: Promise<{ wait: number }>[]) =>
    (await Promise.all(attempts)).filter(({ wait }) => wait === 0).length;
  const many = Array.from({ length: 40 }, (_, n) => n);
  assert.equal(await made(many.map(() => begin(user.username, "198.51.100.1"))), 6, "one account from one network");
  assert.equal(await made(many.map((n) => begin(`name${n}`, "198.51.101.1"))), 21, "one network, many accounts");
  const block = Array.from({ length: 100 }, (_, n) => begin(`other${n}`, `198.51.102.${n}`));
  assert.equal(await made(block), 61, "a rented block, many accounts");
  await rememberNetwork(database.web, user.id, HOME, clock);
  assert.equal(await made(many.map(() => begin(user.username, HOME))), 6, "the owner's own network");
  const proofs = await Promise.all(many.map(() => beginProof(database.web, user.id, clock)));
  assert.equal(proofs.filter((wait) => wait === 0).length, 6, "somebody signed in");
});

Deno.test("what a right password takes back is its own attempt, and nothing that failed", async () => {
  await using database = await testDatabase();
  const { clock, blocked, fail } = bed(database);
  for (let n = 0; n < 20; n++) await fail(`name${n}`, HOME);
  for (let n = 0; n < 5; n++) {
    const { wait, counted } = await beginAttempt(database.web, "alice", HOME, clock);
    assert.equal(wait, 0);
    assert.equal(await blocked("bob", HOME), 1, "the twenty-first, until it turns out to be right");
    await forgive(database.web, "alice", HOME, counted);
    assert.equal(await blocked("bob", HOME), 0);
  }
  assert.equal(await fail("bob", HOME), 1, "the twenty before still count");
  clock.advance({ seconds: 1 });
  const late = await beginAttempt(database.web, "alice", HOME, clock);
  clock.advance({ seconds: 2 });
  assert.equal(await fail("carol", HOME), 4);
  await forgive(database.web, "alice", HOME, late.counted);
  assert.equal(await blocked("dave", HOME), 4, "a longer pause that came since is left");
});
