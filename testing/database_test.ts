import assert from "node:assert/strict";
import { connect, type Sql } from "../core/database/connection.ts";
import { testDatabase } from "./database.ts";
import { connectAsSuperuser } from "./database_server.ts";
import { fakeClock, setTransactionNow } from "./fake_clock.ts";

Deno.test("a connection that was left open fails the disposal, and the database is dropped all the same", async () => {
  const database = await testDatabase({ patience_ms: 200 });
  const forgotten = await connect({ url: database.url("patch_web"), max: 1, application_name: "forgotten" });
  await assert.rejects(async () => await database[Symbol.asyncDispose](), /left open: forgotten/);
  assert.equal(await exists(database.socket, database.name), false);
  await forgotten.end({ timeout: 1 });
});

Deno.test("each test has its own database, which is gone afterwards", async () => {
  let first: string;
  {
    await using one = await testDatabase();
    await using two = await testDatabase();
    first = one.name;
    assert.notEqual(one.name, two.name);
    await one.sql`insert into system_config (key, value, changed_at) values ('a', '1', app_now())`;
    const rows = await two.sql`select key from system_config`;
    assert.equal(rows.length, 0);
    assert.equal(await exists(one.socket, one.name), true);
  }
  await using later = await testDatabase();
  assert.equal(await exists(later.socket, first), false);
});

Deno.test("the three pools are three logins, and the fleet's cannot read passwords", async () => {
  await using database = await testDatabase();
  const who = async (sql: Sql) => (await sql`select session_user::text as name, current_user::text as now`)[0];
  assert.deepEqual(await who(database.sql), { name: "patch_owner", now: "patch_owner" });
  assert.deepEqual(await who(database.web), { name: "patch_web", now: "patch_web" });
  assert.deepEqual(await who(database.fleet), { name: "patch_fleet", now: "patch_fleet" });
  await database.web`select hash from passwords`;
  await assert.rejects(() => database.fleet`select hash from passwords`, { code: "42501" });
});

Deno.test("setNow reaches every connection of every pool, and lets go again", async () => {
  await using database = await testDatabase();
  const clock = fakeClock("2030-01-01T00:00:00Z");
  const read = async () => {
    const sessions = [];
    for (const pool of [database.sql, database.web, database.fleet]) {
      // Three at once in one pool need three connections.
      sessions.push(...[1, 2, 3].map(() => pool`select app_now() as now, pg_backend_pid() as pid, pg_sleep(0.02)`));
    }
    return (await Promise.all(sessions)).map(([row]) => row);
  };
  await database.setNow(clock.now());
  const rows = await read();
  assert.equal(new Set(rows.map((row) => row.pid)).size, 9);
  assert.deepEqual([...new Set(rows.map((row) => String(row.now)))], ["2030-01-01T00:00:00Z"]);
  await database.setNow(clock.advance({ hours: 36 }));
  assert.deepEqual([...new Set((await read()).map((row) => String(row.now)))], ["2030-01-02T12:00:00Z"]);
  await database.setNow(null);
  for (const row of await read()) assert.notEqual(String(row.now), "2030-01-02T12:00:00Z");
});

Deno.test("a transaction's own present ends with it", async () => {
  await using database = await testDatabase();
  const instant = Temporal.Instant.from("2031-05-05T05:05:05.123456Z");
  const within = await database.web.begin(async (tx) => {
    await setTransactionNow(tx, instant);
    return (await tx`select app_now() as now`)[0].now;
  });
  assert.equal(String(within), String(instant));
  const [{ now }] = await database.web`select app_now() as now`;
  assert.notEqual(String(now), String(instant));
});

async function exists(socket: string, name: string): Promise<boolean> {
  const superuser = await connectAsSuperuser(socket);
  try {
    return (await superuser`select 1 from pg_database where datname = ${name}`).length === 1;
  } finally {
    await superuser.end();
  }
}
