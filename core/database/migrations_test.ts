import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { connect, type DatabaseError, type Sql } from "./connection.ts";
import {
  compare,
  loadMigrations,
  migrate,
  type Migration,
  readMigration,
  schemaVersion,
  waitForSchema,
} from "./migrations.ts";

Deno.test("folders that are refused", async () => {
  for (
    const [files, words] of [
      [{ "0002_b.sql": "select 1" }, /0002_b\.sql stands where 0001 is expected/],
      [{ "0001_a.sql": "select 1", "0003_c.sql": "select 1" }, /0003_c\.sql stands where 0002 is expected/],
      [{ "0001_a.sql": "select 1", "0001_b.sql": "select 1" }, /0001_b\.sql stands where 0002 is expected/],
      [{ "1_a.sql": "select 1" }, /is not named like/],
      [{ "0001_A.sql": "select 1" }, /is not named like/],
      [{ "0001_a.sql": " \n" }, /0001_a is empty/],
      [{ "0001_a.sql": "begin;\ncreate table a ();\ncommit;" }, /opens or ends a transaction/],
      [{ "0001_a.sql": "select 1;\n  COMMIT ;" }, /opens or ends a transaction/],
    ] as [Record<string, string>, RegExp][]
  ) {
    await using folder = await folderWith(files);
    await assert.rejects(() => loadMigrations(folder.path), words, Object.keys(files).join(" "));
  }
});

Deno.test("a folder is read in order, without the snapshot and other files", async () => {
  await using folder = await folderWith({
    "0002_b.sql": "-- no-transaction\nselect 2",
    "0001_a.sql": "create function f() returns int language plpgsql as $$\nbegin\n  return 1;\nend;\n$$",
    "schema.sql": "x",
    "README.md": "x",
  });
  const [first, second, ...rest] = await loadMigrations(folder.path);
  assert.deepEqual([first.id, first.name, first.transactional], [1, "0001_a", true]);
  assert.deepEqual([second.id, second.name, second.transactional], [2, "0002_b", false]);
  // As sha256sum says.
  assert.equal(second.sum, "81bccb2fec859c454ebfaefb74854636199dba20d1fc51c0bd338ae3bf6d08dc");
  assert.notEqual(first.sum, second.sum);
  assert.deepEqual(rest, []);
});

Deno.test("a newer database, an edited file and a renamed one are refused", async () => {
  await using empty = await emptyDatabase();
  const [one, two] = [await readMigration(1, "0001_a", "select 1"), await readMigration(2, "0002_b", "select 2")];
  await migrate(empty.sql, [one, two]);
  for (
    const [wanted, kind, words] of [
      [[one], "newer", /newer than this program: it has 0002_b/],
      [[], "newer", /it has 0001_a/],
      [[one, await readMigration(2, "0002_b", "select 3")], "migration", /0002_b was edited after it ran/],
      [[one, { ...two, name: "0002_c" }], "migration", /0002_c was edited after it ran \(the database has 0002_b/],
    ] as [Migration[], string, RegExp][]
  ) {
    await assert.rejects(() => migrate(empty.sql, wanted), (error: DatabaseError) => {
      assert.equal(error.kind, kind);
      assert.match(error.message, words);
      assert.ok(error.hint);
      return true;
    });
  }
  assert.equal(await schemaVersion(empty.sql), 2);
});

Deno.test("rows that skip a number mean a damaged database", async () => {
  const one = await readMigration(1, "0001_a", "select 1");
  assert.throws(() => compare([{ ...one, id: 2 }], [one]), /lacks the row of migration 1/);
});

Deno.test("a failing file is rolled back, those before it stay, and it can be tried again", async () => {
  await using empty = await emptyDatabase();
  const one = await readMigration(1, "0001_a", "create table a (x int)");
  const bad = await readMigration(2, "0002_b", "create table b (x int); insert into b values (1); select 1 / 0;");
  await assert.rejects(() => migrate(empty.sql, [one, bad]), /0002_b failed: division by zero/);
  assert.equal(await schemaVersion(empty.sql), 1);
  const [{ b }] = await empty.sql`select to_regclass('b') as b`;
  assert.equal(b, null);
  const good = await readMigration(2, "0002_b", "create table b (x int)");
  assert.deepEqual(await migrate(empty.sql, [one, good]), { applied: ["0002_b"], version: 2 });
  assert.deepEqual(await migrate(empty.sql, [one, good]), { applied: [], version: 2 });
});

Deno.test("three that start at once on an empty database apply each file once, also with a concurrent index", async () => {
  await using empty = await emptyDatabase();
  const wanted = [
    await readMigration(1, "0001_a", "create table a (x int); select pg_sleep(0.2);"),
    await readMigration(2, "0002_b", "-- no-transaction\ncreate index concurrently if not exists a_x on a (x)"),
    await readMigration(3, "0003_c", "insert into a values (1)"),
  ];
  const pools = await Promise.all([1, 2, 3].map(() => empty.open()));
  try {
    const results = await Promise.all(pools.map((pool) => migrate(pool, wanted)));
    assert.deepEqual(results.flatMap((result) => result.applied), ["0001_a", "0002_b", "0003_c"]);
    const [{ rows }] = await empty.sql`select count(*) as rows from a`;
    assert.equal(rows, 1);
    const [{ valid }] = await empty.sql`select indisvalid as valid from pg_index where indexrelid = 'a_x'::regclass`;
    assert.equal(valid, true);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
});

Deno.test("the lock and the settings are given back", async () => {
  await using empty = await emptyDatabase();
  const bad = await readMigration(1, "0001_a", "select nothing");
  await assert.rejects(() => migrate(empty.sql, [bad]), /0001_a failed/);
  const [{ locks }] = await empty.sql`select count(*) as locks from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`;
  assert.equal(locks, 0);
  const [{ timeout }] = await empty.sql`select current_setting('statement_timeout') as timeout`;
  assert.equal(timeout, "30s");
});

Deno.test("a role waits until the schema is there, may read it and not write it", async () => {
  await using empty = await emptyDatabase();
  const web = await connect({ socket: empty.socket, user: "patch_web", database: empty.name, max: 2 });
  try {
    let arrived = false;
    const waiting = waitForSchema(web, 2, { poll_ms: 10 }).then(() => arrived = true);
    const one = await readMigration(1, "0001_a", "select 1");
    await migrate(empty.sql, [one]);
    assert.equal(await schemaVersion(web), 1);
    assert.equal(arrived, false);
    await migrate(empty.sql, [one, await readMigration(2, "0002_b", "select 2")]);
    await waitFor("the role", () => arrived);
    await waiting;
    await assert.rejects(() => waitForSchema(web, 1), /newer than this program: it has version 2/);
    await assert.rejects(() => web`delete from schema_migration`, { code: "42501" });
    const aborted = AbortSignal.abort(new Error("stopping"));
    await assert.rejects(() => waitForSchema(web, 3, { signal: aborted }), /stopping/);
    const soon = new AbortController();
    const stopped = waitForSchema(web, 3, { signal: soon.signal, poll_ms: 60_000 });
    soon.abort(new Error("stopping now"));
    await assert.rejects(() => stopped, /stopping now/);
  } finally {
    await web.end();
  }
});

async function folderWith(files: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const folder = await testFolder();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder.path}/${name}`, text);
  return folder;
}

/** A test database without anything in it. */
async function emptyDatabase() {
  const database = await testDatabase();
  await database.sql`set client_min_messages = warning`;
  await database.sql`drop schema public cascade`;
  await database.sql`create schema public`;
  await database.sql`grant usage on schema public to public`;
  const open = (): Promise<Sql> => connect({ url: database.url("patch_owner"), max: 2 });
  return {
    sql: database.sql,
    socket: database.socket,
    name: database.name,
    open,
    [Symbol.asyncDispose]: async () => await database[Symbol.asyncDispose](),
  };
}
