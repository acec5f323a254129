import postgres from "postgres";
import { type Log, silentLog } from "../log.ts";
import { DatabaseError, explain } from "./failure.ts";
import { describeTarget, readTarget, type Target } from "./target.ts";
import type { Sql } from "./types.ts";
import { arrayTypes, driverTypes } from "./values.ts";

export { DatabaseError, explain, unavailable } from "./failure.ts";
export { listen, type Listener } from "./listen.ts";
export { many, maybe, one } from "./rows.ts";
export { transaction, type TransactionOptions } from "./transaction.ts";
export type { Db, Sql, Tx } from "./types.ts";

export interface ConnectOptions {
  /** `postgres://…`; see {@link readTarget}. Either this or `socket`. */
  url?: string;
  /** Full path of a server's socket. */
  socket?: string;
  /** Wins over the URL's user; needed with `socket`. */
  user?: string;
  /** Wins over the URL's database; needed with `socket`. */
  database?: string;
  /** Most connections at once, 1 to 100. Default 10. */
  max?: number;
  /** What pg_stat_activity shows. Default patch-manager. */
  application_name?: string;
  /** PEM of the CA that signed the server's certificate, instead of reading the URL's sslrootcert. */
  ssl?: { ca: string };
  /** A statement that runs longer is cancelled. Milliseconds, default 30,000; 0 means never. */
  statement_timeout_ms?: number;
  /** A transaction that idles longer loses its connection. Milliseconds, default 60,000. */
  idle_in_transaction_ms?: number;
  /** Seconds, default 10. */
  connect_timeout_s?: number;
  log?: Log;
  /** Takes the server's notices; by default they go to the log at level debug. */
  on_notice?: (words: string) => void;
}

/** The oldest server whose features the SQL may use. */
export const OLDEST_MAJOR = 16;

/**
 * Compares texts without regard to capitals as Unicode knows them, whatever the locale of the database. Every
 * PostgreSQL that was built with ICU has it.
 */
export const CASELESS_COLLATION = "und-x-icu";

/**
 * A pool that has been proven: the server was reached, let us in, is new enough and knows what our SQL asks of it.
 * @throws DatabaseError with what is wrong and what to do; nothing stays open then.
 */
export async function connect(options: ConnectOptions): Promise<Sql> {
  const target = targetOf(options);
  const sql = openPool(target, options);
  try {
    const [{ version }] = await sql`select current_setting('server_version_num')::int as version`;
    refuseOldServer(version);
    // Not in one statement with the version: old servers do not know the function.
    const [{ encoding, has_collation }] = await sql`
      select current_setting('server_encoding') as encoding,
        to_regcollation(quote_ident(${CASELESS_COLLATION})) is not null as has_collation`;
    if (!has_collation) throw withoutCollation(encoding);
    return sql;
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw explain(error, describeTarget(target)) ?? error;
  }
}

/** The pool alone, without asking the server anything: for a program that must come up before its database. */
export function pool(options: ConnectOptions): Sql {
  return openPool(targetOf(options), options);
}

/**
 * @param version server_version_num, for example 170010 for 17.10.
 * @throws DatabaseError kind too_old below major 16.
 */
export function refuseOldServer(version: number): void {
  const major = Math.floor(version / 10_000);
  if (major >= OLDEST_MAJOR) return;
  throw new DatabaseError(
    "too_old",
    `The database server is PostgreSQL ${major}; ${OLDEST_MAJOR} is the oldest that works.`,
    `Move the database to PostgreSQL ${OLDEST_MAJOR} or later, then start again.`,
  );
}

/** Without it lists would fail one by one, with an error that tells a person nothing. */
function withoutCollation(encoding: string): DatabaseError {
  return new DatabaseError(
    "no_collation",
    `The database has no collation "${CASELESS_COLLATION}": its PostgreSQL was built without ICU, or its encoding, ` +
      `${encoding}, has none.`,
    "Use a PostgreSQL with ICU, such as the packages of Debian, Red Hat or postgresql.org, and a database with the " +
      "encoding UTF8. Where the collation was removed, run: select pg_import_system_collations('pg_catalog')",
  );
}

function targetOf(options: ConnectOptions): Target {
  if (options.url !== undefined) {
    const target = readTarget(options.url);
    return { ...target, user: options.user ?? target.user, database: options.database ?? target.database };
  }
  const { socket, user, database } = options;
  if (!socket || !user || !database) {
    throw new DatabaseError("url", "No database is configured.", "Set database.url to a PostgreSQL 16 or later.");
  }
  return { host: "localhost", port: 5432, socket, user, database, password: "", tls: "off", ca_file: null };
}

/** Every option is passed, so that the driver reads no environment but PGAPPNAME and PGTARGETSESSIONATTRS. */
function openPool(target: Target, options: ConnectOptions): Sql {
  const log = options.log ?? silentLog;
  const notice = options.on_notice ?? ((message: string) => log.debug("database.notice", { message }));
  const sql = postgres({
    host: target.host,
    port: target.port,
    path: target.socket ?? undefined,
    user: target.user,
    database: target.database,
    // A function: the driver takes "" for "look into PGPASSWORD", and its options stay printable.
    password: () => target.password,
    ssl: tlsOptions(target, options),
    max: options.max ?? 10,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: options.connect_timeout_s ?? 10,
    keep_alive: 60,
    prepare: true,
    // One query more per connection: without it `reserve()` on a fresh connection never returns (postgres.js 3.4.9).
    fetch_types: true,
    types: driverTypes(),
    onnotice: (fields) => notice(fields.message),
    connection: {
      application_name: options.application_name ?? "patch-manager",
      statement_timeout: options.statement_timeout_ms ?? 30_000,
      idle_in_transaction_session_timeout: options.idle_in_transaction_ms ?? 60_000,
      TimeZone: "UTC",
      DateStyle: "ISO",
      IntervalStyle: "iso_8601",
    },
  });
  // The driver skips array types that have both directions already, and with them this table for `sql.array()`.
  Object.assign((sql.options as unknown as { shared: { typeArrayMap: object } }).shared.typeArrayMap, arrayTypes());
  return sql as unknown as Sql;
}

function tlsOptions(target: Target, options: ConnectOptions): false | object {
  if (target.tls === "off") return false;
  if (target.tls === "unverified") return { rejectUnauthorized: false, minVersion: "TLSv1.2" };
  const ca = options.ssl?.ca ?? (target.ca_file === null ? undefined : readCa(target.ca_file));
  // The driver names no server for an IP address; without a name nothing would be compared.
  return { rejectUnauthorized: true, minVersion: "TLSv1.2", host: target.host, ...(ca ? { ca } : {}) };
}

function readCa(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new DatabaseError(
      "tls",
      `The CA certificate of the database, ${path}, cannot be read.`,
      "Correct sslrootcert in database.url; the manager's user must be able to read the file.",
      error,
    );
  }
}
