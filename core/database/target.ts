import { DatabaseError } from "./failure.ts";

/** Where the database is and how the way there is protected: everything that was said in the URL. */
export interface Target {
  host: string;
  port: number;
  /** Full path of the server's socket; then host and port are not used. */
  socket: string | null;
  user: string;
  database: string;
  /** Never printed. */
  password: string;
  /**
   * off: nobody between us and the server (socket, loopback). verify-full: chain and name are checked.
   * unverified: encrypted to a loopback server that demands TLS; nobody can stand in between there.
   */
  tls: "off" | "verify-full" | "unverified";
  /** PEM file of the CA that signed the server's certificate; null means the system's list. */
  ca_file: string | null;
}

const KNOWN = ["sslmode", "sslrootcert", "host", "user", "port", "application_name"];
const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const SAFE_HINT = "Use sslmode=verify-full, with sslrootcert=/path/ca.pem for a private CA.";

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`, or for a socket
 * `postgres:///database?host=/folder&user=name` (PostgreSQL 17, section 32.1.1.2, without lists of hosts).
 * A host that is neither a socket nor loopback gets verified TLS and nothing less.
 * @throws DatabaseError kind url, in words that never repeat the URL, because a password may be in it.
 */
export function readTarget(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw wrong(
      "database.url is not a PostgreSQL address.",
      "Write it as postgres://user:password@host:5432/database; special characters of a password as %XX.",
    );
  }
  const query = url.searchParams;
  for (const name of new Set(query.keys())) {
    if (!KNOWN.includes(name)) {
      throw wrong(`database.url has a parameter that is not known: ${name}.`, `Known are ${KNOWN.join(", ")}.`);
    }
    if (query.getAll(name).length > 1) throw wrong(`database.url has ${name} twice.`, "Keep one of them.");
  }
  const host = decoded(url.hostname, "host").replace(/^\[(.*)\]$/, "$1") || query.get("host") || "localhost";
  if (host.includes(",")) throw wrong("database.url names several hosts.", "Name one host.");
  const port = readPort(url.port || query.get("port") || "5432");
  const user = decoded(url.username, "user") || query.get("user") || "";
  if (!user) throw wrong("database.url names no user.", "Write it as postgres://user:password@host/database.");
  const database = decoded(url.pathname.slice(1), "database");
  if (!database || database.includes("/")) {
    throw wrong("database.url names no database.", "Write it as postgres://user:password@host/database.");
  }
  const socket = host.startsWith("/") ? `${host.replace(/\/+$/, "")}/.s.PGSQL.${port}` : null;
  const root = query.get("sslrootcert");
  return {
    host: socket ? "localhost" : host,
    port,
    socket,
    user,
    database,
    password: decoded(url.password, "password"),
    tls: socket ? "off" : chooseTls(host, query.get("sslmode"), root !== null),
    ca_file: root === null || root === "system" ? null : root,
  };
}

/** True for a host that no other machine can stand in front of: localhost, 127.0.0.0/8, ::1. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** For words: where and as whom, without the password. */
export function describeTarget(target: Target): { place: string; user: string; database: string; tls: boolean } {
  const address = target.host.includes(":") ? `[${target.host}]` : target.host;
  const place = target.socket ?? `${address}:${target.port}`;
  return { place, user: target.user, database: target.database, tls: target.tls !== "off" };
}

function chooseTls(host: string, mode: string | null, hasCa: boolean): Target["tls"] {
  if (mode !== null && !MODES.includes(mode)) {
    throw wrong("database.url has an sslmode that PostgreSQL does not know.", SAFE_HINT);
  }
  if (mode === "verify-full") return "verify-full";
  if (mode === "verify-ca") {
    throw wrong("sslmode=verify-ca would accept any server of that CA, under any name.", SAFE_HINT);
  }
  if (isLoopback(host)) {
    if (mode === "require") return hasCa ? "verify-full" : "unverified";
    return mode === null && hasCa ? "verify-full" : "off";
  }
  if (mode === null) return "verify-full";
  const words = mode === "require"
    ? "sslmode=require would accept any server, because it checks no certificate."
    : `sslmode=${mode} would send passwords and hosts' data over the network in the clear.`;
  throw wrong(words, SAFE_HINT);
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw wrong("The port in database.url is not a number from 1 to 65535.", "PostgreSQL's usual port is 5432.");
}

function decoded(text: string, what: string): string {
  try {
    const value = decodeURIComponent(text);
    if (!value.includes("\0")) return value;
  } catch {
    // Said below, without the text.
  }
  throw wrong(`The ${what} in database.url is not well written.`, "Write special characters as %XX.");
}

function wrong(message: string, hint: string): DatabaseError {
  return new DatabaseError("url", message, hint);
}
