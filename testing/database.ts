import { connect, type Sql } from "../core/database/connection.ts";
import { makeDatabase, startTestServer } from "./database_server.ts";

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
 * @param options.patience_ms for how long connections may take to end
 */
export async function testDatabase(options: { patience_ms?: number } = {}): Promise<TestDatabase> {
  const made = await makeDatabase(socket, options.patience_ms);
  const name = made.name;
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
      await made[Symbol.asyncDispose]();
    },
  };
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
