import { connect, type Sql } from "../core/database/connection.ts";
import { connectAsSuperuser, startTestServer, TEMPLATE } from "./database_server.ts";

export type TestLogin = "patch_owner" | "patch_web" | "patch_fleet";

/** An own, migrated, empty database; dropped when disposed of. */
export interface TestDatabase extends AsyncDisposable {
  name: string;
  /** Full path of the server's socket. */
  socket: string;
  /** The owner: prepares and looks, may do everything. */
  sql: Sql;
  /** Really logged in as patch_web: what the web role may. */
  web: Sql;
  /** Really logged in as patch_fleet: what the fleet role may. */
  fleet: Sql;
  /** `postgres:///name?host=…&user=…` for a program under test. */
  url(login: TestLogin): string;
  /** What `app_now()` says from now on in every connection of the three pools; null gives the real time back. */
  setNow(instant: Temporal.Instant | null): Promise<void>;
}

/** Connections a pool may open; small, because every one of a hundred tests has three pools. */
const POOL = 3;

/**
 * The server that `deno task test` started. Somebody who runs `deno test <file>` has none: then this module starts
 * one while it loads (not inside a test, which would count it as a leak) and ends it when the file is done.
 */
const socket = Deno.env.get("TEST_DATABASE_SOCKET") ?? await ownServer();

async function ownServer(): Promise<string> {
  const own = await startTestServer();
  globalThis.addEventListener("unload", () => own.stopNow());
  return own.server.socket;
}

/** Socket of the server, for tests of what connects by itself. */
export function testSocket(): string {
  return socket;
}

/**
 * Clones the migrated template (10 ms) and logs in as owner, web and fleet.
 * Use: `await using database = await testDatabase();`
 * Disposing fails when something still has a connection to it: whoever opened it did not close it.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await asSuperuser(async (superuser) => {
    await superuser`create database ${superuser(name)} template ${
      superuser(TEMPLATE)
    } strategy file_copy owner patch_owner`;
  });
  const open = (login: TestLogin) =>
    connect({ socket, user: login, database: name, max: POOL, application_name: `test ${login}` });
  const pools = { sql: await open("patch_owner"), web: await open("patch_web"), fleet: await open("patch_fleet") };
  return {
    name,
    socket,
    ...pools,
    url: (login) => {
      const query = new URLSearchParams({ host: socket.slice(0, socket.lastIndexOf("/")), user: login });
      return `postgres:///${name}?${query}`;
    },
    setNow: (instant) => Promise.all(Object.values(pools).map((pool) => setPoolNow(pool, instant))).then(() => {}),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(Object.values(pools).map((pool) => pool.end({ timeout: 5 })));
      await asSuperuser((superuser) => dropDatabase(superuser, name));
    },
  };
}

async function asSuperuser(work: (superuser: Sql) => Promise<void>): Promise<void> {
  const superuser = await connectAsSuperuser(socket);
  try {
    await work(superuser);
  } finally {
    await superuser.end({ timeout: 5 });
  }
}

/** The setting belongs to a session, so every connection that the pool can have is opened and told. */
async function setPoolNow(pool: Sql, instant: Temporal.Instant | null): Promise<void> {
  const sessions = await Promise.all(Array.from({ length: POOL }, () => pool.reserve()));
  try {
    for (const session of sessions) await session`select set_config('app.now', ${instant?.toString() ?? ""}, false)`;
  } finally {
    for (const session of sessions) session.release();
  }
}

/**
 * A session ends some milliseconds after its client closed the socket; whoever is still there after a second was
 * forgotten. `drop database` alone would look only every 100 ms.
 */
async function dropDatabase(superuser: Sql, name: string): Promise<void> {
  const end = performance.now() + 1_000;
  for (;;) {
    const left = await superuser`
      select application_name, state, left(query, 100) as query from pg_stat_activity where datname = ${name}`;
    if (left.length === 0) return void await superuser`drop database ${superuser(name)}`;
    if (performance.now() > end) {
      await superuser`drop database ${superuser(name)} with (force)`;
      const words = left.map((row) => `${row.application_name} (${row.state}: ${row.query})`).join(", ");
      throw new Error(`connections to the test's database were left open: ${words}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
