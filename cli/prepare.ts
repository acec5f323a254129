import { ensurePki } from "../core/ca/ensure_pki.ts";
import { uiNames } from "../core/ca/ui_names.ts";
import { type FileRead, readFile } from "../core/config/machine.ts";
import { type Config, databaseUrlOf, type Role } from "../core/config/types.ts";
import { createFirstAdmin } from "../core/auth/create_first_admin.ts";
import { systemClock } from "../core/clock.ts";
import { auditFolder, initialPasswordFile } from "../core/permissions.ts";
import { connect, type Sql } from "../core/database/connection.ts";
import { loadMigrations, migrate } from "../core/database/migrations.ts";
import { readTarget } from "../core/database/target.ts";
import type { Log } from "../core/log.ts";
import { type Program, say } from "./program.ts";
import type { WorkerRole } from "./supervisor.ts";

/** What to do when no database is configured. */
export function noDatabase(file: string): string {
  return `No database is configured: set database.url in ${file}, or the variable DATABASE_URL, to a PostgreSQL 16 or ` +
    "later.\nTo look around first, `deno task demo` in a checkout brings a database of its own.";
}

/** PEM of the CA for a role's database connection: `database.ca_file`, else the URL's own; null for public roots. */
export function databaseCa(
  role: Role,
  config: Config,
  read: (path: string) => FileRead | { problem: string; missing: boolean },
): string | null {
  const path = config.database.ca_file ?? readTarget(databaseUrlOf(role, config)!).ca_file;
  if (path === null) return null;
  const file = read(path);
  if ("problem" in file) throw new Error(`The CA certificate of the database, ${path}, ${file.problem}.`);
  return file.text;
}

/**
 * Migrates as the owner; a fleet process of its own has no such right and waits in its role instead.
 *
 * @returns the schema version that this program works with
 * @throws DatabaseError in words for a person
 */
export async function prepareDatabase(
  config: Config,
  roles: readonly WorkerRole[],
  program: Program,
  log: Log,
): Promise<number> {
  const wanted = await loadMigrations(`${program.root}/migrations`);
  if (roles.includes("web")) {
    await using owner = await connectAsOwner(config, log);
    const { applied, version } = await migrate(owner.sql, wanted, log);
    log.info("database.ready", { count: applied.length, version: String(version) });
    await ensureFirstAdmin(owner.sql, config, log);
  }
  if (config.database.url !== null) {
    log.warn("database.single_login", {
      message: "One login serves both roles: a role that is taken over could read sessions, keys and the audit log. " +
        "Set database.owner_url, web_url and fleet_url to give each its own.",
    });
  }
  return wanted.length;
}

/** A connection of the owner's login; disposing closes it. */
export async function connectAsOwner(config: Config, log: Log): Promise<AsyncDisposable & { sql: Sql }> {
  const ca = databaseCa("main", config, readFile);
  const sql = await connect({
    url: databaseUrlOf("main", config)!,
    ssl: ca === null ? undefined : { ca },
    max: 2,
    application_name: "patch-manager main",
    log,
  });
  return { sql, [Symbol.asyncDispose]: () => sql.end({ timeout: 5 }) };
}

/**
 * Makes the first admin of an empty database. The one-time password is shown on a terminal only; else it goes into a
 * file (0600) that is removed at the first login, because a log keeps what it is told.
 */
async function ensureFirstAdmin(sql: Sql, config: Config, log: Log): Promise<void> {
  await createFirstAdmin(sql, config.auth.first_admin, async ({ username, password }) => {
    if (Deno.stdout.isTerminal()) return say(`\n  User:              ${username}\n  One-time password: ${password}\n`);
    await Deno.mkdir(config.state.directory, { recursive: true, mode: 0o700 });
    const path = initialPasswordFile(config);
    // A file left by a start that failed holds a password that nothing accepts.
    await Deno.remove(path).catch((thrown) => {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    });
    await Deno.writeTextFile(path, `${password}\n`, { mode: 0o600, createNew: true });
    log.info("initial_password.written", { path });
  }, systemClock);
}

/**
 * Makes or renews what the manager's own CA needs, and the folder of the audit log's checkpoints, which the web role
 * may write to and not make; the fleet role alone finds all of it made.
 */
export async function preparePki(config: Config, roles: readonly WorkerRole[], log: Log): Promise<void> {
  if (!roles.includes("web")) return;
  await Deno.mkdir(auditFolder(config), { recursive: true, mode: 0o700 });
  const { written } = await ensurePki(config.pki.directory, { ui_names: uiNames(config.server) });
  for (const name of written) log.info("certificate.issued", { path: `${config.pki.directory}/${name}.crt` });
}
