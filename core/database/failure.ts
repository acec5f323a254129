import { AppError, reason } from "../errors.ts";

export type FailureKind =
  | "url"
  | "refused"
  | "password"
  | "missing_database"
  | "tls"
  | "timeout"
  | "too_many"
  | "starting"
  | "too_old"
  | "no_collation"
  | "newer"
  | "migration"
  | "embedded"
  | "lost";

/**
 * What is wrong with the database, in words for the person who runs the manager: `message` says what is, `hint`
 * what to do. It never holds a password. It is not for the public: {@link unavailable} wraps it for a request.
 */
export class DatabaseError extends Error {
  readonly kind: FailureKind;
  readonly hint: string;
  constructor(kind: FailureKind, message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.name = "DatabaseError";
    this.kind = kind;
    this.hint = hint;
  }
}

/** SQLSTATE classes and driver codes (PostgreSQL 17, appendix A; Node's TLS and socket codes). */
const KINDS: [RegExp, FailureKind][] = [
  [/^(ECONNREFUSED|ENOENT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EACCES|ConnectionRefused|NotFound)$/, "refused"],
  [/^(28000|28P01|SASL_SIGNATURE_MISMATCH)$/, "password"],
  [/^3D000$/, "missing_database"],
  [/^(ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_OSSL_)/, "tls"],
  [/^(CONNECT_TIMEOUT|ETIMEDOUT)$/, "timeout"],
  [/^53300$/, "too_many"],
  [/^57P03$/, "starting"],
  [/^(CONNECTION_CLOSED|CONNECTION_DESTROYED|CONNECTION_ENDED|ECONNRESET|EPIPE|57P01|57P02|08\w{3})$/, "lost"],
];

/**
 * The words for a driver's error, or null when it is about a statement and not about reaching the database.
 * @param where host and port or socket path, user and database: never the URL.
 */
export function explain(
  error: unknown,
  where: { place: string; user: string; database: string; tls: boolean },
): DatabaseError | null {
  if (error instanceof DatabaseError) return error;
  const code = isClosedSocket(error) ? "CONNECTION_CLOSED" : codeOf(error);
  const kind = (KINDS.find(([pattern]) => pattern.test(code))?.[1]) ?? (isTls(error) ? "tls" : null);
  const { place, user, database } = where;
  switch (kind) {
    case "refused":
      return new DatabaseError(
        kind,
        `No database server can be reached at ${place}.`,
        "Start PostgreSQL, or correct host and port in database.url.",
        error,
      );
    case "password":
      return new DatabaseError(
        kind,
        `The database server at ${place} does not let ${user} in.`,
        "Correct user and password in database.url, or the server's pg_hba.conf.",
        error,
      );
    case "missing_database":
      return new DatabaseError(
        kind,
        `The server at ${place} has no database ${database}.`,
        `Create it (createdb --owner=${user} ${database}), or correct the name in database.url.`,
        error,
      );
    case "tls":
      return new DatabaseError(
        kind,
        `The TLS certificate of the database server at ${place} was not accepted: ${reason(error)}.`,
        "Name its CA with sslrootcert=/path/ca.pem in database.url, and use the host name that the certificate has.",
        error,
      );
    case "timeout":
      return new DatabaseError(
        kind,
        `The database server at ${place} did not answer in time.`,
        "Check the network, the firewall and the address in database.url.",
        error,
      );
    case "too_many":
      return new DatabaseError(
        kind,
        `The database server at ${place} has no free connection.`,
        "Raise max_connections on the server, or close other clients.",
        error,
      );
    case "starting":
      return new DatabaseError(
        kind,
        `The database server at ${place} is starting or stopping and lets nobody in yet.`,
        "Wait until it is ready; its log says what it is doing.",
        error,
      );
    case "lost":
      return where.tls && code === "ECONNRESET"
        ? new DatabaseError(
          "tls",
          `The database server at ${place} does not speak TLS.`,
          "Switch ssl on in its postgresql.conf: a remote database is only used over verified TLS.",
          error,
        )
        : new DatabaseError(
          kind,
          `The connection to the database at ${place} was lost.`,
          "It is opened again by itself; see the server's log if it stays away.",
          error,
        );
    default:
      return null;
  }
}

/**
 * True for what postgres.js 3.4.9 throws when it writes to a connection that has closed in the same moment: it has set
 * its socket to null, and its `nextWrite` writes all the same. It is a lost connection and nothing else.
 */
export function isClosedSocket(error: unknown): boolean {
  return error instanceof TypeError && /null \(reading 'write'\)/.test(error.message) &&
    /\bnextWrite\b/.test(error.stack ?? "");
}

/**
 * True when postgres.js 3.4.9 lost a connection while it read the server's array types, which it does on each new
 * connection and for nobody: the promise is its own. Whoever waited for the connection is told apart from it.
 */
export function isLostTypeQuery(error: unknown): boolean {
  if (!(error instanceof Error) || !("query" in error) || typeof error.query !== "string") return false;
  if (!/^\s*select b\.oid, b\.typarray\s/.test(error.query)) return false;
  return KINDS.some(([pattern, kind]) => kind === "lost" && pattern.test(codeOf(error)));
}

/** For a request: 503 in public words, the reason only as cause; null when the error is about something else. */
export function unavailable(error: unknown): AppError | null {
  if (error instanceof AppError) return error.code === "database_unavailable" ? error : null;
  if (!isDrivers(error)) return null;
  const cause = explain(error, { place: "its address", user: "the user", database: "the database", tls: false });
  return cause ? new AppError("database_unavailable", { cause }) : null;
}

/** Codes such as ECONNREFUSED also come from files and managed hosts; the driver adds the statement to its errors. */
function isDrivers(error: unknown): boolean {
  if (error instanceof DatabaseError || isClosedSocket(error)) return true;
  return error instanceof Error &&
    (error.name === "PostgresError" || "query" in error || /^CONNECT/.test(codeOf(error)));
}

/** SQLSTATE or the driver's, Node's or Deno's code of an error; "" when it has none. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "";
}

/** Deno's TLS errors sometimes carry only words. */
function isTls(error: unknown): boolean {
  return error instanceof Error && /certificate|UnknownIssuer|TLS|handshake/i.test(error.message);
}
