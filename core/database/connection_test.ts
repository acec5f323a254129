import assert from "node:assert/strict";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { createLog } from "../log.ts";
import { testDatabase } from "../../testing/database.ts";
import { connectAsSuperuser } from "../../testing/database_server.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { connect, DatabaseError, listen, many, maybe, one, pool, refuseOldServer, transaction } from "./connection.ts";

Deno.test("servers that are too old are refused in words", () => {
  for (const version of [90624, 140011, 150020]) {
    assert.throws(() => refuseOldServer(version), (error) => {
      assert.ok(error instanceof DatabaseError);
      assert.equal(error.kind, "too_old");
      assert.match(error.message, new RegExp(`is PostgreSQL ${Math.floor(version / 10_000)}; 16 is the oldest`));
      return true;
    });
  }
  for (const version of [160000, 170010, 180004]) refuseOldServer(version);
});

Deno.test("a server without the collation that lists need is refused at the start, with what to do", async () => {
  await using database = await testDatabase();
  const superuser = await connectAsSuperuser(database.socket, database.name);
  try {
    await superuser`drop index groups_name`;
    await superuser`drop collation pg_catalog."und-x-icu"`;
    await assert.rejects(connect({ url: database.url("patch_web") }), (error) => {
      assert.ok(error instanceof DatabaseError);
      assert.equal(error.kind, "no_collation");
      assert.match(error.message, /no collation "und-x-icu".*without ICU.*UTF8/);
      assert.match(error.hint, /Debian.*pg_import_system_collations/s);
      return true;
    });
    await superuser`select pg_import_system_collations('pg_catalog')`;
    await (await connect({ url: database.url("patch_web") })).end();
  } finally {
    await superuser.end();
  }
});

Deno.test("what stands in the way of a connection is said in words, without the password", async () => {
  await using database = await testDatabase();
  const folder = database.socket.slice(0, database.socket.lastIndexOf("/"));
  const nobody = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const free = nobody.addr.port;
  nobody.close();
  for (
    const [url, kind, words] of [
      [`postgres://u:s3cret@127.0.0.1:${free}/d`, "refused", /No database server can be reached at 127\.0\.0\.1/],
      [`postgres:///d?host=/var/tmp/nothing-here&user=u`, "refused", /\/var\/tmp\/nothing-here\/\.s\.PGSQL\.5432/],
      [
        `postgres:///no_such_database?host=${folder}&user=patch_web`,
        "missing_database",
        /has no database no_such_data/,
      ],
      [`postgres:///${database.name}?host=${folder}&user=no_such_user`, "password", /does not let no_such_user in/],
      [
        `postgres://u:s3cret@localhost:${free}/d?sslrootcert=/nowhere/ca.pem`,
        "tls",
        /nowhere\/ca\.pem, cannot be read/,
      ],
      [`postgres://u:s3cret@db.invalid:${free}/d?sslmode=disable`, "url", /in the clear/],
    ] as [string, string, RegExp][]
  ) {
    await assert.rejects(() => connect({ url, connect_timeout_s: 3 }), (error: DatabaseError) => {
      assert.ok(error instanceof DatabaseError, `${url}: ${error}`);
      assert.equal(error.kind, kind, url);
      assert.match(error.message, words, url);
      assert.ok(error.hint);
      assert.doesNotMatch(`${error.message}${error.hint}${error.stack}${Deno.inspect(error)}`, /s3cret/);
      return true;
    });
  }
  await assert.rejects(() => connect({ socket: database.socket }), /No database is configured/);
});

Deno.test("a session has limits, UTC and a name, and asks for one connection of its own", async () => {
  await using database = await testDatabase();
  const notices: string[] = [];
  const sql = await connect({
    url: database.url("patch_web"),
    max: 1,
    application_name: "limits",
    statement_timeout_ms: 150,
    idle_in_transaction_ms: 5_000,
    on_notice: (words) => notices.push(words),
  });
  try {
    const [row] = await sql`
      select current_setting('application_name') as name, current_setting('TimeZone') as zone,
        current_setting('idle_in_transaction_session_timeout') as idle`;
    assert.deepEqual({ ...row }, { name: "limits", zone: "UTC", idle: "5s" });
    await assert.rejects(() => sql`select pg_sleep(5)`, { code: "57014" });
    await sql`do $$ begin raise notice 'hear this'; end $$`;
    assert.deepEqual(notices, ["hear this"]);
  } finally {
    await sql.end();
  }
});

Deno.test("a pool asks nothing until it is used, and reserves fresh connections", async () => {
  await using database = await testDatabase();
  const absent = pool({ socket: "/var/tmp/nothing-here/.s.PGSQL.5432", user: "u", database: "d" });
  await absent.end();
  const sql = pool({ url: database.url("patch_owner"), max: 2 });
  try {
    const sessions = await Promise.all([sql.reserve(), sql.reserve()]);
    const pids = await Promise.all(
      sessions.map(async (session) => (await session`select pg_backend_pid() as pid`)[0].pid),
    );
    assert.notEqual(pids[0], pids[1]);
    for (const session of sessions) session.release();
  } finally {
    await sql.end();
  }
});

Deno.test("a transaction is repeated for collisions, three times at most, and for nothing else", async () => {
  await using database = await testDatabase();
  const raise = async (code: string) => {
    let attempts = 0;
    const failed = await transaction(database.sql, async (tx) => {
      attempts++;
      await tx.unsafe(`do $$ begin raise exception 'x' using errcode = '${code}'; end $$`);
    }).catch((error) => error.code);
    return [failed, attempts];
  };
  assert.deepEqual(await raise("40001"), ["40001", 3]);
  assert.deepEqual(await raise("40P01"), ["40P01", 3]);
  for (const code of ["23505", "57014", "55P03", "P0001", "40002"]) assert.deepEqual(await raise(code), [code, 1]);
  let attempts = 0;
  await assert.rejects(() => transaction(database.sql, () => Promise.reject(new Error(`no ${++attempts}`))), /no 1/);
});

Deno.test("two transactions that deadlock both end well", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql`create table counter (name text primary key, value int not null)`;
  await sql`insert into counter values ('a', 0), ('b', 0)`;
  const met = Promise.withResolvers<void>();
  let arrived = 0;
  let attempts = 0;
  const both = (first: string, second: string) =>
    transaction(sql, async (tx) => {
      attempts++;
      await tx`update counter set value = value + 1 where name = ${first}`;
      if (++arrived === 2) met.resolve();
      await met.promise;
      await tx`update counter set value = value + 1 where name = ${second}`;
      return [first, second];
      // The one that is woken may find the row taken again by the one that was thrown out.
    }, { attempts: 10 });
  const results = await Promise.all([both("a", "b"), both("b", "a")]);
  assert.deepEqual(results, [["a", "b"], ["b", "a"]]);
  assert.ok(attempts >= 3, `${attempts} attempts: one of them was thrown out at least once`);
  const rows = await sql`select name, value from counter order by name`;
  assert.deepEqual([...rows], [{ name: "a", value: 2 }, { name: "b", value: 2 }]);
});

Deno.test("a failing transaction leaves nothing", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql`create table kept (x int)`;
  await assert.rejects(() =>
    transaction(sql, async (tx) => {
      await tx`insert into kept values (1)`;
      throw new AppError("conflict");
    }), { code: "conflict" });
  assert.equal((await sql`select 1 from kept`).length, 0);
  const level = await transaction(sql, async (tx) => (await tx`show transaction_isolation`)[0], {
    isolation: "serializable",
  });
  assert.equal(level.transaction_isolation, "serializable");
});

Deno.test("rows are checked where they enter", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const Row = z.strictObject({ id: z.int(), name: z.string() });
  for (
    const [what, work] of [
      ["a null", () => many(Row, sql`select 1 as id, null as name`)],
      ["a column too many", () => many(Row, sql`select 1 as id, 'a' as name, 2 as more`)],
      ["none", () => one(Row, sql`select 1 as id, 'a' as name where false`)],
      ["two", () => one(Row, sql`select 1 as id, 'a' as name from generate_series(1, 2)`)],
      ["two for maybe", () => maybe(Row, sql`select 1 as id, 'a' as name from generate_series(1, 2)`)],
    ] as [string, () => Promise<unknown>][]
  ) {
    await assert.rejects(work, (error) => error instanceof AppError && error.code === "internal", what);
  }
  const secret = await one(Row, sql`select 1 as id, true as name, 'pw' as password`).catch((error) => error);
  assert.match(secret.cause.message, /name/);
  assert.deepEqual(await one(Row, sql`select 1 as id, 'a' as name`), { id: 1, name: "a" });
  assert.equal(await maybe(Row, sql`select 1 as id, 'a' as name where false`), null);
  assert.deepEqual(await maybe(Row, sql`select 1 as id, 'a' as name`), { id: 1, name: "a" });
  assert.deepEqual(await many(Row, sql`select 1 as id, 'a' as name where false`), []);
});

Deno.test("a listener is told to read again after its connection was lost, and hears again", async () => {
  await using database = await testDatabase();
  const heard: string[] = [];
  const lines: string[] = [];
  let resyncs = 0;
  const log = createLog({ write: (line) => lines.push(line) });
  const listener = await listen(
    database.web,
    "wake_fleet",
    (payload) => {
      heard.push(payload);
      if (payload === "bad") throw new Error("cannot read that");
    },
    () => void resyncs++,
    log,
  );
  assert.equal(resyncs, 1);
  await database.sql`select pg_notify('wake_fleet', 'one')`;
  await waitFor("the first", () => heard.includes("one"));
  await database.sql`select pg_notify('wake_fleet', 'bad')`;
  await waitFor("the failure in the log", () => lines.some((line) => /listener_failed.*cannot read that/.test(line)));
  const kill = database.web`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and usename = 'patch_web' and query like 'listen%'`;
  assert.equal((await kill).length, 1);
  await waitFor("the second resync", () => resyncs === 2);
  await database.sql`select pg_notify('wake_fleet', 'two')`;
  await waitFor("the one after the gap", () => heard.includes("two"));
  await listener.stop();
  await listener.stop();
  await database.sql`select pg_notify('wake_fleet', 'three')`;
  await database.sql`select 1`;
  assert.deepEqual(heard, ["one", "bad", "two"]);
});

Deno.test("listeners of one pool share a connection, know when it is away, and come back together", async () => {
  await using database = await testDatabase();
  const heard: string[] = [];
  const resyncs = { a: 0, b: 0 };
  const of = (channel: "a" | "b") =>
    listen(
      database.web,
      `test_${channel}`,
      (payload) => void heard.push(channel + payload),
      () => void resyncs[channel]++,
    );
  const [a, b] = [await of("a"), await of("b")];
  const ours = () =>
    database.web`
      select pid from pg_stat_activity
      where datname = current_database() and usename = 'patch_web' and query like 'listen%'`;
  assert.equal((await ours()).length, 1);
  assert.ok(a.connected() && b.connected());
  await database.sql.unsafe(`alter database ${database.name} connection limit 0`);
  for (const { pid } of await ours()) await database.web`select pg_terminate_backend(${pid})`;
  await waitFor("the loss", () => !a.connected() && !b.connected());
  await database.sql.unsafe(`alter database ${database.name} connection limit -1`);
  await waitFor("both", () => a.connected() && b.connected());
  assert.deepEqual(resyncs, { a: 2, b: 2 });
  await database.sql`select pg_notify('test_a', '1'), pg_notify('test_b', '2')`;
  await waitFor("both notifications", () => heard.length === 2);
  await a.stop();
  assert.ok(!a.connected() && b.connected());
  await database.sql`select pg_notify('test_a', '3'), pg_notify('test_b', '4')`;
  await waitFor("the last", () => heard.includes("b4"));
  assert.deepEqual(heard, ["a1", "b2", "b4"]);
  await b.stop();
  await waitFor("the connection to go", async () => (await ours()).length === 0);
});
