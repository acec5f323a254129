import { reason } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { DatabaseError } from "./failure.ts";
import type { Db, Sql } from "./types.ts";

/** One numbered file of migrations/. */
export interface Migration {
  /** 1, 2, 3, … without gaps. */
  id: number;
  /** File name without `.sql`: `0001_initial`. */
  name: string;
  body: string;
  /** SHA-256 of the body, in hex: what proves that the file was not edited after it ran. */
  sum: string;
  /** false when the first line is `-- no-transaction`. */
  transactional: boolean;
}

export interface MigrationResult {
  /** Names of what ran now, in order. */
  applied: string[];
  /** Number of the last migration that the database has. */
  version: number;
}

/** Any fixed number: the advisory lock that migrators of one database share. */
const LOCK = "7205611870312";
const FILE = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** A transaction is ours to open and close; plpgsql's `begin` has no semicolon. */
const TRANSACTION_CONTROL = /^\s*(begin|start transaction|commit|rollback|abort)\s*(transaction|work)?\s*;/im;
const LOCK_POLL_MS = 100;

/**
 * Reads the migrations of a folder, in order; `schema.sql` beside them is the snapshot and no migration.
 * @throws DatabaseError kind migration for a gap, a strange name, an empty file or transaction control.
 */
export async function loadMigrations(folder: string): Promise<Migration[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.name.endsWith(".sql") || entry.name === "schema.sql") continue;
    if (!FILE.test(entry.name)) {
      throw broken(`${entry.name} is not named like 0001_what_it_does.sql`, "Rename it.");
    }
    names.push(entry.name);
  }
  const wanted: Migration[] = [];
  for (const [index, file] of names.sort().entries()) {
    const id = Number(file.slice(0, 4));
    if (id !== index + 1) {
      const expected = String(index + 1).padStart(4, "0");
      throw broken(`${file} stands where ${expected} is expected`, "Number the files without gaps.");
    }
    wanted.push(await readMigration(id, file.slice(0, -4), await Deno.readTextFile(`${folder}/${file}`)));
  }
  return wanted;
}

/** @throws DatabaseError kind migration for an empty body or transaction control. */
export async function readMigration(id: number, name: string, body: string): Promise<Migration> {
  if (body.trim() === "") throw broken(`${name} is empty`, "Write it, or remove it.");
  if (TRANSACTION_CONTROL.test(body)) {
    throw broken(`${name} opens or ends a transaction by itself`, "Remove that: each file is one transaction.");
  }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)));
  const transactional = body.split("\n")[0].trim() !== "-- no-transaction";
  return { id, name, body, sum: bytes.toHex(), transactional };
}

/**
 * Brings the database to the wanted state, one transaction per file; several that start at once take turns.
 * A file whose first line is `-- no-transaction` (for `create index concurrently`) holds one statement that may
 * run twice after a crash, so it says `if not exists`.
 * @param sql connected as the owner.
 * @throws DatabaseError kind newer when the database has more than `wanted`; kind migration when a file that ran
 * was edited since, or one fails, which is then rolled back while those before it stay.
 */
export async function migrate(sql: Sql, wanted: Migration[], log: Log = silentLog): Promise<MigrationResult> {
  const session = await sql.reserve();
  try {
    await session`set statement_timeout = 0`;
    await takeLock(session, log);
    await session`set client_min_messages = warning`;
    await session`
      create table if not exists schema_migration (
        id int primary key,
        name text not null,
        sum text not null,
        at timestamptz not null default clock_timestamp()
      )`;
    // The roles wait for their version: they read it and nothing else of it.
    await session`grant select on schema_migration to public`;
    const done = await session<Done[]>`select id, name, sum from schema_migration order by id`;
    compare(done, wanted);
    const applied: string[] = [];
    for (const migration of wanted.slice(done.length)) {
      const started = performance.now();
      await apply(session, migration);
      applied.push(migration.name);
      log.info("database.migrated", { message: migration.name, duration_ms: Math.round(performance.now() - started) });
    }
    return { applied, version: wanted.length };
  } finally {
    await session`select pg_advisory_unlock(${LOCK}::bigint)`.catch(() => {});
    await session`reset all`.catch(() => {});
    session.release();
  }
}

interface Done {
  id: number;
  name: string;
  sum: string;
}

/** @throws DatabaseError when what ran is not the beginning of what is wanted. */
export function compare(done: readonly Done[], wanted: readonly Migration[]): void {
  for (const [index, ran] of done.entries()) {
    const file = wanted[index];
    if (ran.id !== index + 1) {
      throw broken(`the database lacks the row of migration ${index + 1}`, "Restore a backup of it.");
    }
    if (!file) throw newer(ran.name);
    if (file.name !== ran.name || file.sum !== ran.sum) {
      throw broken(
        `${file.name} was edited after it ran (the database has ${ran.name}, ${ran.sum.slice(0, 12)})`,
        "Put the file back as it was, and write the change as a new migration.",
      );
    }
  }
}

/**
 * Number of the last migration that ran, 0 for an empty database. Every login may ask.
 * A migration that is running does not count yet.
 */
export async function schemaVersion(sql: Db): Promise<number> {
  const [{ there }] = await sql`select to_regclass('schema_migration') is not null as there`;
  if (!there) return 0;
  const [{ version }] = await sql`select coalesce(max(id), 0)::int as version from schema_migration`;
  return version;
}

/**
 * Returns once the database has exactly this version: the roles start beside the migrator. While the database
 * cannot be reached it keeps asking.
 * @throws DatabaseError kind newer when the database is beyond it; `signal.reason` when aborted.
 */
export async function waitForSchema(
  sql: Sql,
  version: number,
  options: { signal?: AbortSignal; poll_ms?: number; log?: Log } = {},
): Promise<void> {
  const { signal, poll_ms = 250, log = silentLog } = options;
  for (let said = false;; said = true) {
    signal?.throwIfAborted();
    const found = await schemaVersion(sql).catch((error) => {
      if (!said) log.warn("database.waiting", { message: reason(error) });
      return -1;
    });
    if (found === version) return;
    if (found > version) throw newer(`version ${found}`);
    if (!said) log.info("database.waiting", { message: `for schema version ${version}` });
    await pause(poll_ms, signal);
  }
}

async function apply(session: Db, migration: Migration): Promise<void> {
  const { id, name, body, sum } = migration;
  try {
    if (migration.transactional) await session`begin`;
    await session.unsafe(body);
    await session`insert into schema_migration (id, name, sum) values (${id}, ${name}, ${sum})`;
    if (migration.transactional) await session`commit`;
  } catch (error) {
    await session`rollback`.catch(() => {});
    throw broken(
      `${name} failed: ${reason(error)}`,
      migration.transactional
        ? "Nothing of it stays. Correct the cause and start again."
        : "It ran outside a transaction: see what of it stays, correct the cause and start again.",
      error,
    );
  }
}

/**
 * Asks again and again instead of waiting inside pg_advisory_lock: a waiting statement holds a snapshot, and
 * `create index concurrently` of the one who has the lock would wait for it, which the server ends as deadlock.
 */
async function takeLock(session: Db, log: Log): Promise<void> {
  for (let said = false;; said = true) {
    const [{ mine }] = await session`select pg_try_advisory_lock(${LOCK}::bigint) as mine`;
    if (mine) return;
    if (!said) log.info("database.waiting", { message: "for another migration" });
    await pause(LOCK_POLL_MS);
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    // It may have been aborted before anybody listened.
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done);
  });
}

function newer(what: string): DatabaseError {
  return new DatabaseError(
    "newer",
    `The database is newer than this program: it has ${what}.`,
    "Install the version of the program that brought it, or restore a backup from before.",
  );
}

function broken(words: string, hint: string, cause?: unknown): DatabaseError {
  return new DatabaseError("migration", `Migration: ${words}.`, hint, cause);
}
