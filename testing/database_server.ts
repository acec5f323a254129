import { connect, type Sql } from "../core/database/connection.ts";
import { type EmbeddedServer, startEmbedded, SUPERUSER } from "../core/database/embedded.ts";
import { loadMigrations, migrate } from "../core/database/migrations.ts";

/** The migrated database that every test clones. Nobody can connect to it. */
const TEMPLATE = "patch_template";

const MIGRATIONS = new URL("../migrations", import.meta.url).pathname;

export interface TestServer {
  server: EmbeddedServer;
  /** State folder below /var/tmp, 0711 so that the unprivileged server can enter it. */
  folder: string;
  /** Stops the server and removes the folder. */
  stop(): Promise<void>;
  /** The same without waiting for anything asynchronous: for `unload`. */
  stopNow(): void;
}

/** A server for tests, without fsync, with the migrated template. Takes about 1.5 s. */
export async function startTestServer(): Promise<TestServer> {
  const folder = await Deno.makeTempDir({ dir: Deno.env.get("TEST_FOLDER") ?? "/var/tmp", prefix: "patch-test-" });
  await Deno.chmod(folder, 0o711);
  try {
    const server = await startEmbedded(folder, { durable: false, max_connections: 150 });
    try {
      await makeTemplate(server.socket);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return {
      server,
      folder,
      stop: async () => {
        await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
      stopNow: () => stopNow(server.pid, folder),
    };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

/** A pool of the superuser: makes and drops databases. */
export function connectAsSuperuser(socket: string, database = "postgres"): Promise<Sql> {
  return connect({ socket, user: SUPERUSER, database, max: 1, application_name: "testing" });
}

/** For so long the sessions of a database may take to end, in milliseconds. */
const PATIENCE_MS = 15_000;

/** A clone of the template (10 ms), dropped when disposed of; fails while somebody is still connected. */
export function makeDatabase(
  socket: string,
  patience_ms = PATIENCE_MS,
): Promise<AsyncDisposable & { name: string }> {
  return makeFrom(socket, TEMPLATE, patience_ms);
}

/** One that nobody has migrated yet, otherwise the same. */
export function makeEmptyDatabase(socket: string): Promise<AsyncDisposable & { name: string }> {
  return makeFrom(socket, "template0", PATIENCE_MS);
}

async function makeFrom(
  socket: string,
  from: string,
  patience_ms: number,
): Promise<AsyncDisposable & { name: string }> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await asSuperuser(socket, async (superuser) => {
    const [database, template] = [superuser(name), superuser(from)];
    await superuser`create database ${database} template ${template} strategy file_copy owner patch_owner`;
  });
  return {
    name,
    [Symbol.asyncDispose]: () => asSuperuser(socket, (superuser) => dropDatabase(superuser, name, patience_ms)),
  };
}

async function asSuperuser(socket: string, work: (superuser: Sql) => Promise<void>): Promise<void> {
  const superuser = await connectAsSuperuser(socket);
  try {
    await work(superuser);
  } finally {
    await superuser.end({ timeout: 5 });
  }
}

/**
 * A session ends some milliseconds after its client closed the socket, seconds on a busy machine; whoever stays was
 * forgotten. `drop database` alone would look only every 100 ms.
 */
async function dropDatabase(superuser: Sql, name: string, patience_ms: number): Promise<void> {
  const end = performance.now() + patience_ms;
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

/** Migrates as the owner, as the product does, then closes the database for connections. */
async function makeTemplate(socket: string): Promise<void> {
  const superuser = await connectAsSuperuser(socket);
  try {
    await superuser`create database ${superuser(TEMPLATE)} owner patch_owner`;
    const owner = await connect({ socket, user: "patch_owner", database: TEMPLATE, max: 1 });
    try {
      await migrate(owner, await loadMigrations(MIGRATIONS));
    } finally {
      await owner.end({ timeout: 5 });
    }
    await superuser`alter database ${superuser(TEMPLATE)} with is_template true allow_connections false`;
  } finally {
    await superuser.end({ timeout: 5 });
  }
}

/** Immediate shutdown; nothing of it is kept, so nothing has to be written. */
function stopNow(pid: number, folder: string): void {
  Deno.kill(pid, "SIGQUIT");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < 200; attempt++) {
    Atomics.wait(pause, 0, 0, 10);
    try {
      // Fails as long as a process of the server writes below it.
      Deno.removeSync(folder, { recursive: true });
      return;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
    }
  }
}
