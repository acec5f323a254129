import assert from "node:assert/strict";
import { testFolder } from "../../testing/test_folder.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { connect, DatabaseError } from "./connection.ts";
import { type EmbeddedServer, startEmbedded, SUPERUSER } from "./embedded.ts";
import { unpackPrograms, unsupported } from "./embedded_files.ts";
import { checkState } from "./embedded_state.ts";

const ROOT = Deno.uid() === 0;
const FAST = { durable: false };

Deno.test("machines without binaries are told so in one sentence", () => {
  for (
    const [build, words] of [
      [{ os: "darwin", arch: "aarch64" }, /not for darwin on aarch64; set DATABASE_URL/],
      [{ os: "linux", arch: "aarch64", env: "gnu" }, /not for linux on aarch64 with gnu/],
      [{ os: "linux", arch: "x86_64", env: "musl" }, /not for linux on x86_64 with musl/],
      [{ os: "windows", arch: "x86_64", env: "msvc" }, /not for windows/],
    ] as [Parameters<typeof unsupported>[0], RegExp][]
  ) {
    const words_ = unsupported(build) ?? "";
    assert.match(words_, words);
    assert.equal(words_.match(/\./g)?.length, 1, "one sentence");
  }
  assert.equal(unsupported({ os: "linux", arch: "x86_64", env: "gnu" }), null);
});

Deno.test("a state folder that cannot work is refused in words before anything is made", async () => {
  await using state = await testFolder("db-");
  const spare = 100 - "/run/.s.PGSQL.5432".length;
  const long = state.path.padEnd(spare + 1, "x");
  const words = new RegExp(`too long for a socket: its path would have 101 bytes.*at most ${spare} bytes`, "s");
  assert.throws(() => checkState(long, 5432, false), (error: DatabaseError) => words.test(error.message + error.hint));
  await assert.rejects(() => Deno.stat(long), Deno.errors.NotFound);
  checkState(state.path.padEnd(spare, "x"), 5432, false);
  await Deno.remove(state.path.padEnd(spare, "x"));
  // Bytes count, not letters.
  assert.throws(() => checkState(`/var/tmp/${"ä".repeat(40)}`, 5432, false), /107 bytes/);
  assert.throws(() => checkState("state", 5432, false), /not an absolute path/);
  await Deno.mkdir(`${state.path}/closed/state`, { recursive: true });
  await Deno.chmod(`${state.path}/closed/state`, 0o711);
  await Deno.chmod(`${state.path}/closed`, 0o700);
  assert.throws(
    () => checkState(`${state.path}/closed/state`, 5432, true),
    (error: DatabaseError) =>
      /cannot enter .*\/closed \(mode 0700\)/.test(error.message) && /chmod 0711/.test(error.hint),
  );
  checkState(`${state.path}/closed/state`, 5432, false);
});

Deno.test("missing binaries are said in words", async () => {
  await using state = await testFolder("db-");
  await assert.rejects(
    () => unpackPrograms(state.path, "/nowhere"),
    /binaries of the embedded PostgreSQL are not installed/,
  );
  assert.deepEqual(await names(state.path), []);
});

Deno.test("an initdb that fails says why and leaves no half cluster", async () => {
  await using state = await testFolder("db-");
  const programs = await unpackPrograms(state.path);
  await Deno.remove(`${programs.root}/share/postgresql/postgres.bki`);
  await assert.rejects(() => startEmbedded(state.path), (error: DatabaseError) => {
    assert.equal(error.kind, "embedded");
    assert.match(error.message, /initdb could not make the database: .*postgres\.bki/);
    return true;
  });
  assert.equal((await names(state.path)).includes("data-17"), false);
});

Deno.test("it starts, has logins and database, keeps data, and is only reached by its socket", async () => {
  await using state = await testFolder("db-");
  const first = await startEmbedded(state.path, FAST);
  try {
    const owner = await connect({ url: first.url("patch_owner"), max: 1 });
    await owner`create table kept (x int)`;
    await owner`insert into kept values (7)`;
    const [row] = await owner`
      select current_setting('listen_addresses') as addresses, current_setting('server_version_num')::int as version,
        (select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user) as mighty`;
    assert.equal(row.addresses, "");
    assert.equal(Math.floor(row.version / 10_000), 17);
    assert.equal(row.mighty, false);
    await owner.end();
    const web = await connect({ url: first.url("patch_web"), max: 1 });
    await assert.rejects(() => web`create table mine (x int)`, { code: "42501" });
    await assert.rejects(() => web`create schema mine`, { code: "42501" });
    await web.end();
    assert.equal((await Deno.stat(`${state.path}/run`)).mode! & 0o777, 0o700);
    if (ROOT) assert.notEqual((await Deno.stat(`${state.path}/data-17`)).uid, 0);
  } finally {
    await first.stop();
  }
  await first.stop();
  await assert.rejects(() => connect({ url: first.url("patch_web") }), /No database server can be reached/);
  const again = await startEmbedded(state.path, FAST);
  try {
    assert.equal(again.adopted, false);
    const owner = await connect({ url: again.url("patch_owner"), max: 1 });
    assert.deepEqual([...await owner`select x from kept`], [{ x: 7 }]);
    await owner.end();
  } finally {
    await again.stop();
  }
  assert.deepEqual(await names(state.path), ["data-17", "pgbin-17.10", "run", "starter.lock"]);
});

Deno.test("two that start at once share one server", async () => {
  await using state = await testFolder("db-");
  const [one, two] = await Promise.all([startEmbedded(state.path, FAST), startEmbedded(state.path, FAST)]);
  try {
    assert.deepEqual([one.adopted, two.adopted].sort(), [false, true]);
    assert.equal(one.pid, two.pid);
  } finally {
    await one.stop();
    await two.stop();
  }
  assert.equal(await isGone(state.path), true);
});

Deno.test("after kill -9 with a writer at work every committed row is there", async () => {
  await using state = await testFolder("db-");
  const first = await startEmbedded(state.path);
  const committed: number[] = [];
  const writer = await connect({ url: first.url("patch_owner"), max: 1 });
  await writer`create table written (x int primary key)`;
  const writing = (async () => {
    for (let x = 0;; x++) {
      await writer`insert into written values (${x})`;
      committed.push(x);
    }
  })().catch((error) => error);
  await waitFor("some rows", () => committed.length > 50);
  Deno.kill(first.pid, "SIGKILL");
  assert.ok(await writing instanceof Error);
  await writer.end({ timeout: 1 });
  const again = await startEmbedded(state.path);
  try {
    assert.equal(again.adopted, false);
    assert.notEqual(again.pid, first.pid);
    const owner = await connect({ url: again.url("patch_owner"), max: 1 });
    const rows = await owner`select x from written order by x`;
    const found = rows.map((row) => row.x);
    assert.deepEqual(found.slice(0, committed.length), committed);
    // The one that was under way may have been committed without an answer.
    assert.ok(found.length <= committed.length + 1);
    await owner.end();
  } finally {
    await again.stop();
  }
});

Deno.test("the server of a killed start is adopted, keeps its sessions, and can be stopped", async () => {
  await using state = await testFolder("db-");
  const starter = startInProcess(state.path);
  const pid = await waitFor("the server of the other process", () => postmaster(state.path));
  await waitFor(
    "its database",
    () => connect({ url: urlIn(state.path, "patch_owner") }).then((sql) => sql.end()).then(() => true),
  );
  starter.kill("SIGKILL");
  await starter.status;
  const session = await connect({ url: urlIn(state.path, "patch_owner"), max: 1 });
  const [{ pid: before }] = await session`select pg_backend_pid() as pid`;
  const adopted = await startEmbedded(state.path, FAST);
  try {
    assert.equal(adopted.adopted, true);
    assert.equal(adopted.pid, pid);
    assert.equal((await session`select pg_backend_pid() as pid`)[0].pid, before);
  } finally {
    await session.end();
    await adopted.stop();
  }
  assert.equal(await isGone(state.path), true);
});

Deno.test("a start that was killed during initdb is made up for", async () => {
  await using state = await testFolder("db-");
  const starter = startInProcess(state.path);
  await waitFor("initdb", async () => (await names(state.path)).some((name) => name.startsWith("init-")), {
    every_ms: 2,
  });
  starter.kill("SIGKILL");
  await starter.status;
  assert.equal((await names(state.path)).includes("data-17"), false);
  const server = await startEmbedded(state.path, FAST);
  try {
    const sql = await connect({ socket: server.socket, user: SUPERUSER, database: "patch_manager", max: 1 });
    await sql.end();
  } finally {
    await server.stop();
  }
  const again = await startEmbedded(state.path, FAST);
  await again.stop();
  assert.deepEqual(await names(state.path), ["data-17", "pgbin-17.10", "run", "starter.lock"]);
});

Deno.test({
  name: ROOT ? "the server runs as whom root names" : "the server runs as whom root names (left out: this is not root)",
  ignore: !ROOT && Deno.env.get("TEST_REQUIRE") !== "all",
  fn: async () => {
    await using state = await testFolder("db-");
    const server = await startEmbedded(state.path, { ...FAST, run_as: { uid: 1, gid: 1 } });
    try {
      assert.equal((await Deno.stat(server.socket)).uid, 1);
      assert.equal((await Deno.stat(`${state.path}/data-17`)).uid, 1);
    } finally {
      await server.stop();
    }
  },
});

/** Another process that starts the server and then waits to be killed. */
function startInProcess(state: string): Deno.ChildProcess {
  const module = new URL("./embedded.ts", import.meta.url).href;
  const program = `const { startEmbedded } = await import(${JSON.stringify(module)});
    await startEmbedded(${JSON.stringify(state)}, { durable: false });
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", program],
    cwd: new URL("../..", import.meta.url).pathname,
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function postmaster(state: string): Promise<EmbeddedServer["pid"]> {
  const lines = (await Deno.readTextFile(`${state}/data-17/postmaster.pid`)).split("\n");
  // The eighth line says ready (PostgreSQL 17, storage: postmaster.pid).
  if (!lines[7]?.startsWith("ready")) throw new Error("not ready");
  return Number(lines[0]);
}

function urlIn(state: string, user: string): string {
  return `postgres:///patch_manager?${new URLSearchParams({ host: `${state}/run`, user })}`;
}

/** Nothing listens any more. A process id would not tell: an orphan stays a zombie until its new parent looks. */
async function isGone(state: string): Promise<boolean> {
  const file = await Deno.stat(`${state}/data-17/postmaster.pid`).then(() => true, () => false);
  const socket = await Deno.stat(`${state}/run/.s.PGSQL.5432`).then(() => true, () => false);
  return !file && !socket;
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) found.push(entry.name);
  return found.sort();
}
