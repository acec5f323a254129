import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addUser } from "../../testing/job_scenario.ts";
import { AppError } from "../errors.ts";
import { tellOfFullQueue } from "./full_queue.ts";
import { login } from "./login.ts";
import { isOutdated, verifyPassword } from "./password.ts";
import { rememberNetwork } from "./throttle.ts";

const PASSWORD = "violet-harbour-lantern-42";
const HOME = "192.0.2.1";

/** Argon2id as it was configured once: little memory, so that a test can try often. */
const native: { hash(password: string, options: Record<string, number>): Promise<string> } = createRequire(
  import.meta.url,
)("@node-rs/argon2-linux-x64-gnu");
const hashWith = (memoryCost: number, timeCost: number) =>
  native.hash(PASSWORD, { algorithm: 2, memoryCost, timeCost, parallelism: 1, outputLen: 32 });

async function bed(database: TestDatabase, hash: string) {
  const clock = fakeClock();
  await database.setNow(clock.now());
  const user = await addUser(database.sql, "operator");
  await database.sql`insert into passwords (user_id, hash, changed_at) values (${user.id}, ${hash}, ${clock.now()})`;
  const signIn = (password: string, address = HOME, username = user.username) => {
    const client = { address, user_agent: null };
    const context = { clock, address, request_id: null };
    return login(database.web, { username, password }, "api", client, context)
      .then(() => "in", (thrown) => {
        assert.ok(thrown instanceof AppError, String(thrown));
        return thrown.code;
      });
  };
  const stored = async () => (await database.sql`select hash from passwords where user_id = ${user.id}`)[0].hash;
  const outcomes = async () =>
    (await database
      .sql`select outcome, count(*)::int as n from audit_log where action = 'auth.login' group by 1 order by 1`)
      .map(({ outcome, n }) => `${n} ${outcome}`);
  return { clock, user, signIn, stored, outcomes };
}

const ages: [name: string, memory: number, passes: number, replaced: boolean][] = [
  ["less memory", 19_456, 3, true],
  ["fewer passes", 65_536, 2, true],
  ["as now", 65_536, 3, false],
  ["more than now", 65_600, 4, false],
];
for (const [name, memory, passes, replaced] of ages) {
  Deno.test(`a hash made with ${name} is ${replaced ? "replaced" : "kept"} at the next login that succeeds`, async () => {
    await using database = await testDatabase();
    const hash = await hashWith(memory, passes);
    const { signIn, stored } = await bed(database, hash);
    assert.equal(await signIn("wrong"), "login_failed");
    assert.equal(await stored(), hash, "a wrong password proves nothing");
    assert.equal(await signIn(PASSWORD), "in");
    const after = await stored();
    assert.equal(after !== hash, replaced);
    assert.equal(isOutdated(after), false);
    assert.equal(await verifyPassword(after, PASSWORD), true);
    assert.equal(await signIn(PASSWORD), "in");
    assert.equal(await stored(), after, "once");
  });
}

/** One guess each from so many networks; 21 of them put the account under pressure. */
async function hammer({ signIn }: Awaited<ReturnType<typeof bed>>, from: number, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let n = from; n < from + count; n++) answers.push(await signIn("wrong", `203.0.${n}.9`));
  return answers;
}

Deno.test("while strangers hammer an account from everywhere its owner gets in at home at once", async () => {
  await using database = await testDatabase();
  const made = await bed(database, await hashWith(64, 3));
  await rememberNetwork(database.web, made.user.id, HOME, made.clock);
  const answers = await hammer(made, 0, 27);
  assert.equal(answers.filter((answer) => answer === "login_failed").length, 21, "then each new network waits");
  assert.equal(await made.signIn(PASSWORD, HOME), "in");
});

Deno.test("while strangers hammer an account its owner gets in from a new network after one wait", async () => {
  await using database = await testDatabase();
  const made = await bed(database, await hashWith(64, 3));
  await hammer(made, 0, 27);
  assert.equal(await made.signIn(PASSWORD, "198.51.100.7"), "too_many_requests");
  made.clock.advance({ seconds: 30 });
  await hammer(made, 30, 5);
  assert.equal(await made.signIn(PASSWORD, "198.51.100.7"), "in");
});

Deno.test("refusals leave one row a pause, however often somebody tries", async () => {
  await using database = await testDatabase();
  const { clock, signIn, outcomes } = await bed(database, await hashWith(64, 3));
  for (let n = 0; n < 6; n++) await signIn("wrong");
  for (let n = 0; n < 10; n++) assert.equal(await signIn(PASSWORD), "too_many_requests");
  assert.deepEqual(await outcomes(), ["1 denied", "6 failure"]);
  clock.advance({ seconds: 1 });
  await signIn("wrong");
  for (let n = 0; n < 10; n++) await signIn(PASSWORD);
  assert.deepEqual(await outcomes(), ["2 denied", "7 failure"]);
  const [row] = await database.sql`
    select convert_from(payload, 'UTF8')::json as entry from audit_log where outcome = 'denied' order by seq limit 1`;
  assert.deepEqual(row.entry.details, { known_user: true, wait_seconds: 1 });
  assert.deepEqual([row.entry.actor.kind, row.entry.address], ["anonymous", HOME]);
  for (let n = 0; n < 8; n++) await signIn("wrong", "198.51.100.9", "my-secret-passphrase");
  const dump = JSON.stringify(await database.sql`select convert_from(payload, 'UTF8') from audit_log`);
  assert.ok(!dump.includes("my-secret-passphrase"), "a password typed as the name is in no refusal either");
});

Deno.test("a flood from one network is turned away before it is hashed, and others get in meanwhile", async () => {
  await using database = await testDatabase();
  const { clock, user, signIn } = await bed(database, await hashWith(65_536, 3));
  await rememberNetwork(database.web, user.id, HOME, clock);
  const flood = Array.from({ length: 60 }, (_, n) => signIn("wrong", "203.0.113.9", `name${n}`));
  const owner = await signIn(PASSWORD, HOME);
  const answers = await Promise.all(flood);
  assert.equal(owner, "in");
  const refused = answers.filter((answer) => answer === "too_many_requests").length;
  assert.ok(refused >= 60 - 20, JSON.stringify(answers));
  const rows = async () =>
    await database.sql`
      select address, convert_from(payload, 'UTF8')::json -> 'details' as details from audit_log
      where outcome = 'denied' and convert_from(payload, 'UTF8') like '%too many passwords wait%' order by seq`;
  assert.deepEqual((await rows()).map(({ address }) => address), ["203.0.113.9"], "a row, whatever their number");
  assert.equal(await tellOfFullQueue(database.web, clock, true), 1);
  const { more } = (await rows())[1].details;
  assert.ok(more > 0 && more < refused, `${more} of ${refused}`);
});
