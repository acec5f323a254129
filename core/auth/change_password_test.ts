import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addUser } from "../../testing/job_scenario.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { blocklistIn } from "./blocklist.ts";
import { changePassword } from "./change_password.ts";
import { hashPassword } from "./password.ts";
import { openSession } from "./sessions.ts";

const blocklist = blocklistIn(new URL("../../dist", import.meta.url).pathname);
const client = { address: "192.0.2.1", user_agent: "a browser" };
const OLD = "violet-harbour-lantern-42";
const NEW = "stapler wobbles quietly";

async function bed(database: TestDatabase) {
  const clock = fakeClock();
  await database.setNow(clock.now());
  const user = await addUser(database.sql, "operator");
  await database.sql`
    insert into passwords (user_id, hash, changed_at) values (${user.id}, ${await hashPassword(OLD)}, ${clock.now()})`;
  const person = { id: user.id, username: user.username, display_name: "", role: "operator" as const };
  const open = () => openSession(database.web, { ...person, must_change: false }, "browser", client, clock);
  const { viewer } = await open();
  const actor = { kind: "user" as const, id: user.id, name: user.username };
  const context = { actor, address: client.address, request_id: null, clock };
  const change = (current_password: string, new_password: string) =>
    changePassword(database.web, blocklist, viewer, { current_password, new_password }, client, context);
  const outcomes = async () =>
    (await database.sql`select outcome from audit_log where action = 'auth.change_password' order by seq`)
      .map(({ outcome }) => outcome);
  return { clock, user, open, viewer, change, outcomes };
}

const refused: [string, current: string, next: string, code: string, words: RegExp][] = [
  ["the present one is wrong", "wrong", NEW, "validation_failed", /not your present password/],
  ["too short", OLD, "elevenchars", "password_weak", /at least 12/],
  ["common", OLD, "password1234", "password_weak", /everybody/],
  ["the same", OLD, OLD, "password_weak", /present password/],
  ["the same, typed otherwise", OLD, OLD.replace("v", "\uff56"), "password_weak", /present password/],
];
Deno.test("a password that will not do changes nothing", async () => {
  await using database = await testDatabase();
  const { change, outcomes } = await bed(database);
  for (const [name, current, next, code, words] of refused) {
    await assert.rejects(() => change(current, next), (thrown) => {
      assert.ok(thrown instanceof AppError && thrown.code === code, `${name}: ${thrown}`);
      assert.match(JSON.stringify(thrown.details), words, name);
      assert.ok(!JSON.stringify(thrown).includes(current === "wrong" ? OLD : next), "the words hold no password");
      return true;
    });
  }
  assert.deepEqual(await outcomes(), ["failure"]);
  await change(OLD, NEW);
  assert.deepEqual(await outcomes(), ["failure", "success"]);
});

Deno.test("guessing at the present password from a session that was left open is slowed down", async () => {
  await using database = await testDatabase();
  const { clock, change, outcomes } = await bed(database);
  for (let n = 0; n < 6; n++) await assert.rejects(() => change("wrong", NEW), /fields/);
  for (let n = 0; n < 3; n++) await assert.rejects(() => change(OLD, NEW), /Too many failed attempts/);
  assert.deepEqual(await outcomes(), [...Array(6).fill("failure"), "denied"], "one row a pause");
  clock.advance({ seconds: 1 });
  await change(OLD, NEW);
});

Deno.test("a new password ends every other session and API token, and the present session goes on in a new one", async () => {
  await using database = await testDatabase();
  const { clock, user, open, viewer, change } = await bed(database);
  const others = [await open(), await open()];
  const stranger = await addUser(database.sql, "operator");
  const now = clock.now();
  const addToken = async (user_id: string, expires_at: Temporal.Instant) => {
    const id = uuidv7(clock);
    await database.sql`
      insert into api_tokens (id, user_id, name, hash, hint, scopes, created_at, expires_at)
      values (${id}, ${user_id}, 'nightly', ${
      crypto.getRandomValues(new Uint8Array(32))
    }, 'abcd', '{hosts.read}', ${now}, ${expires_at})`;
    return id;
  };
  const mine = await addToken(user.id, now.add({ hours: 1 }));
  await addToken(user.id, now.subtract({ hours: 1 }));
  const foreign = await addToken(stranger.id, now.add({ hours: 1 }));
  const heard: string[] = [];
  const listening = await database.sql.listen("revoked", (payload) => void heard.push(JSON.parse(payload).sid));
  const { opened, ended_sessions, ended_tokens } = await change(OLD, NEW);
  assert.deepEqual([ended_sessions, ended_tokens], [2, 1]);
  const alive = await database.sql`select id from sessions where revoked_at is null`;
  assert.deepEqual(alive.map(({ id }) => id), [opened.session_id]);
  assert.notEqual(opened.session_id, viewer.session_id);
  const good = await database.sql`select id from api_tokens where revoked_at is null and expires_at > ${now}`;
  assert.deepEqual(good.map(({ id }) => id), [foreign]);
  // Everything before this one has been heard by then: notifications keep their order.
  const end = Promise.withResolvers<void>();
  const last = await database.sql.listen("revoked", (payload) => payload.includes('"last"') && end.resolve());
  await database.sql`select pg_notify('revoked', '{"sid":"last"}')`;
  await end.promise;
  assert.deepEqual(new Set(heard), new Set([viewer.session_id, ...others.map((one) => one.session_id), mine, "last"]));
  await listening.unlisten();
  await last.unlisten();
});
