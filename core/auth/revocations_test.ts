import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { sessionScene } from "../../testing/session_scene.ts";
import type { Sql } from "../database/connection.ts";
import { transaction } from "../database/connection.ts";
import { createLog } from "../log.ts";
import { endSessionsOf } from "./end_sessions.ts";
import { Revocations } from "./revocations.ts";

/** A source whose connection a test holds in its hands. */
function heldSource() {
  let listener: ((id: string | null) => void) | undefined;
  let renamed: ((user_id: string) => void) | undefined;
  const held = {
    is_connected: true,
    on_revoked(given: (id: string | null) => void) {
      listener = given;
      return () => void (listener = undefined);
    },
    on_renamed(given: (user_id: string) => void) {
      renamed = given;
      return () => void (renamed = undefined);
    },
    connected: () => held.is_connected,
    tell: (id: string | null) => listener?.(id),
    tellRenamed: (user_id: string) => renamed?.(user_id),
  };
  return held;
}

async function bed(database: TestDatabase) {
  const scene = await sessionScene(database);
  const asked: number[] = [];
  let fails = false;
  const sql = new Proxy(database.web, {
    apply(target, self, args) {
      if (fails) return Promise.reject(new Error("the database is away"));
      asked.push(1);
      return Reflect.apply(target as never, self, args);
    },
  }) as Sql;
  const lines: string[] = [];
  const revocations = new Revocations({
    sql,
    clock: scene.clock,
    log: createLog({ write: (line) => lines.push(line) }),
  });
  const source = heldSource();
  revocations.start(source);
  const isLive = async (session_id: string) => await revocations.find(session_id) !== null;
  const end = () =>
    transaction(database.web, (tx) => endSessionsOf(tx, scene.user_id, { why: "a test" }, scene.clock.now()));
  return {
    ...scene,
    revocations,
    isLive,
    source,
    end,
    lines,
    asked: () => asked.splice(0).length,
    fail: (on: boolean) => fails = on,
    [Symbol.dispose]: () => revocations.stop(),
  };
}

Deno.test("a session is asked for once, then never while its end would be heard", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  for (let n = 0; n < 5; n++) assert.equal(await at.isLive(session_id), true);
  assert.equal(at.asked(), 1);
  at.source.tell(session_id);
  assert.equal(await at.isLive(session_id), false);
  assert.equal(at.asked(), 0, "and its end needs no asking either");
});

Deno.test("while notifications may be missed every request asks the database", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  await at.isLive(session_id);
  at.asked();
  at.source.is_connected = false;
  for (let n = 0; n < 3; n++) assert.equal(await at.isLive(session_id), true);
  assert.equal(at.asked(), 3);
  await at.end();
  assert.equal(await at.isLive(session_id), false, "nobody told");
});

Deno.test("what ended while the connection was away is found out after it, without being told", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  assert.equal(await at.isLive(session_id), true);
  at.source.is_connected = false;
  await at.end();
  at.source.is_connected = true;
  at.source.tell(null);
  assert.equal(await at.isLive(session_id), false);
});

const silent: [string, (database: TestDatabase, user_id: string) => Promise<unknown>][] = [
  ["revoked", ({ sql }, id) => sql`update sessions set revoked_at = app_now() where user_id = ${id}`],
  ["its user disabled", ({ sql }, id) => sql`update users set disabled_at = app_now() where id = ${id}`],
  ["its row gone", ({ sql }, id) => sql`delete from sessions where user_id = ${id}`],
  ["over", ({ sql }, id) => sql`update sessions set expires_at = '2020-01-01' where user_id = ${id}`],
];
for (const [name, change] of silent) {
  Deno.test(`whatever was not told is found out within a minute: ${name}`, async () => {
    await using database = await testDatabase();
    using at = await bed(database);
    const { session_id } = await at.open();
    assert.equal(await at.isLive(session_id), true);
    await change(database, at.user_id);
    assert.equal(await at.isLive(session_id), true, "remembered");
    await at.revocations.reload();
    assert.equal(await at.isLive(session_id), false);
  });
}

Deno.test("an end that is heard while the database still answers with what was before wins", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  const answer = at.isLive(session_id);
  at.source.tell(session_id);
  assert.equal(await answer, false);
  assert.equal(await at.isLive(session_id), false);
});

Deno.test("an answer from before the connection was lost is not remembered after it", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  const answer = at.isLive(session_id);
  at.source.tell(null);
  assert.equal(await answer, true);
  at.asked();
  await at.isLive(session_id);
  assert.equal(at.asked(), 1);
});

Deno.test("where the comparison fails nothing that was remembered is believed", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  await at.isLive(session_id);
  at.fail(true);
  await at.revocations.reload();
  assert.match(at.lines.join("\n"), /session\.reload_failed.*the database is away/);
  await assert.rejects(() => at.isLive(session_id), /away/);
  at.fail(false);
  assert.equal(await at.isLive(session_id), true);
});

Deno.test("sessions that nobody comes with are forgotten", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  await at.isLive(session_id);
  at.clock.advance({ minutes: 16 });
  at.asked();
  await at.revocations.reload();
  assert.equal(at.asked(), 0, "there is nothing to compare");
  await at.isLive(session_id);
  assert.equal(at.asked(), 1);
});

const nameOf = async ({ revocations }: Awaited<ReturnType<typeof bed>>, session_id: string) => {
  const session = await revocations.find(session_id);
  return session && session.display_name;
};
const rename = ({ sql }: TestDatabase, user_id: string, name: string) =>
  sql`update users set display_name = ${name} where id = ${user_id}`;

Deno.test("a new name that is heard of is asked for once, of that user's sessions alone", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  const other = await sessionScene(database);
  const others = (await other.open()).session_id;
  assert.deepEqual([await nameOf(at, session_id), await nameOf(at, others)], ["Ines", "Ines"]);
  await rename(database, at.user_id, "Ines Duarte");
  assert.equal(await nameOf(at, session_id), "Ines", "nobody told");
  at.asked();
  at.source.tellRenamed(at.user_id);
  for (let n = 0; n < 3; n++) assert.equal(await nameOf(at, session_id), "Ines Duarte");
  assert.equal(await nameOf(at, others), "Ines");
  assert.equal(at.asked(), 1);
});

Deno.test("a name that is heard of while the database answers with the one before is not lost", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  const answer = at.revocations.find(session_id);
  at.source.tellRenamed(at.user_id);
  await answer;
  await rename(database, at.user_id, "Ines Duarte");
  assert.equal(await nameOf(at, session_id), "Ines Duarte");
  // The same while all that is remembered is compared.
  await rename(database, at.user_id, "Ines D.");
  const compared = at.revocations.reload();
  at.source.tellRenamed(at.user_id);
  await compared;
  await rename(database, at.user_id, "I. Duarte");
  assert.equal(await nameOf(at, session_id), "I. Duarte");
});

Deno.test("a new name that nobody told of is found out within a minute, or at once while it may be missed", async () => {
  await using database = await testDatabase();
  using at = await bed(database);
  const { session_id } = await at.open();
  await at.revocations.find(session_id);
  await rename(database, at.user_id, "Ines Duarte");
  await at.revocations.reload();
  assert.equal(await nameOf(at, session_id), "Ines Duarte");
  at.source.is_connected = false;
  await rename(database, at.user_id, "I. Duarte");
  assert.equal(await nameOf(at, session_id), "I. Duarte");
});
