import { reason } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { pool } from "./connection.ts";
import { type Programs, unpackPrograms } from "./embedded_files.ts";
import { setUpDatabase, SUPERUSER } from "./embedded_setup.ts";
import { asServer, checkState, makeOwned, type ServerUser } from "./embedded_state.ts";
import { DatabaseError } from "./failure.ts";

export { APPLICATION_DATABASE, SUPERUSER } from "./embedded_setup.ts";

export interface EmbeddedOptions {
  /** Most connections of the server, 10 to 200. Default 60. */
  max_connections?: number;
  /** false: no fsync and no autovacuum, for tests; a power cut may lose everything. Default true. */
  durable?: boolean;
  /** As root: whom the server runs as. Must be in /etc/passwd. Default nobody, 65534. */
  run_as?: ServerUser;
  log?: Log;
}

/** A running PostgreSQL that only this machine's socket leads to. */
export interface EmbeddedServer {
  /** Full path of the socket, for `connect({ socket })`. */
  socket: string;
  /** The URL of a login: `postgres:///database?host=…&user=…`. */
  url(user: string, database?: string): string;
  /** True when a server of an earlier, killed start was taken over. */
  adopted: boolean;
  /** Process id of the postmaster. */
  pid: number;
  /** Fast shutdown: sessions end, data is written. Idempotent; also ends an adopted server. */
  stop(): Promise<void>;
}

const PORT = 5432;
/** Recovery after kill -9 took 1.2 to 2 s; a busy machine gets ten times that. */
const START_DEADLINE_MS = 20_000;

/**
 * Starts the embedded PostgreSQL of a state folder, or adopts the one that a killed start left there. Makes
 * programs, cluster, logins and database at the first time (under 1 s; again under 0.1 s).
 * The folder's layout: `pgbin-17.10/`, `data-17/`, `run/` (socket), `starter.lock`.
 * For evaluation and tests only: everybody who may enter the folder is trusted.
 * @throws DatabaseError kind embedded, saying what stands in the way.
 */
export async function startEmbedded(state: string, options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const who = Deno.uid() === 0 ? options.run_as ?? { uid: 65_534, gid: 65_534 } : null;
  checkState(state, PORT, who !== null);
  using lock = await Deno.open(`${state}/starter.lock`, { create: true, write: true, mode: 0o600 });
  // Two starters at once take turns; the kernel opens the lock of a killed one.
  await lock.lock(true);
  const programs = await unpackPrograms(state);
  const cluster = new Cluster(state, programs, who, options);
  return await cluster.start();
}

/** One state folder: its paths and what is done to the server in it. */
class Cluster {
  readonly #data: string;
  readonly #run: string;
  readonly #socket: string;
  readonly #log: Log;

  constructor(
    readonly state: string,
    readonly programs: Programs,
    readonly who: ServerUser | null,
    readonly options: EmbeddedOptions,
  ) {
    this.#data = `${state}/data-${programs.major}`;
    this.#run = `${state}/run`;
    this.#socket = `${this.#run}/.s.PGSQL.${PORT}`;
    this.#log = options.log ?? silentLog;
  }

  async start(): Promise<EmbeddedServer> {
    makeOwned(this.#run, this.who);
    const adopted = await this.#answers();
    if (adopted) this.#log.info("database.adopted", { path: this.state });
    else {
      await this.#initialise();
      await this.#launch();
    }
    await setUpDatabase(this.#socket);
    const pid = await this.#pid();
    let stopping: Promise<void> | null = null;
    return {
      socket: this.#socket,
      url: (user, database = "patch_manager") => socketUrl(this.#run, user, database),
      adopted,
      pid,
      stop: () => stopping ??= this.#stop(),
    };
  }

  /** initdb refuses a folder that a kill left half-made, so it works in a scratch folder that is renamed. */
  async #initialise(): Promise<void> {
    for (const entry of Deno.readDirSync(this.state)) {
      if (entry.name.startsWith("init-")) {
        await Deno.remove(`${this.state}/${entry.name}`, { recursive: true }).catch(() => {});
      }
    }
    if (await Deno.stat(`${this.#data}/PG_VERSION`).then(() => true, () => false)) return;
    const scratch = `${this.state}/init-${crypto.randomUUID()}`;
    makeOwned(scratch, this.who);
    const args = ["-D", scratch, "-U", SUPERUSER, "-A", "trust", "--no-locale", "-E", "UTF8", "--no-instructions"];
    if (this.options.durable === false) args.push("--no-sync");
    const { success, stderr } = await asServer(this.programs.initdb, args, this.who).spawn().output();
    if (!success) throw failed("initdb could not make the database", new TextDecoder().decode(stderr));
    await Deno.rename(scratch, this.#data);
  }

  /**
   * Starts the server until it answers. Children of a postmaster that was killed need a moment to notice; a
   * start within it ends at once, and is repeated.
   */
  async #launch(): Promise<void> {
    const end = performance.now() + START_DEADLINE_MS;
    let server = this.#spawn();
    while (!await this.#answers()) {
      if (performance.now() > end) {
        if (!server.ended) server.kill();
        throw failed("the server did not start", server.words());
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
      if (server.ended) server = this.#spawn();
    }
  }

  #spawn() {
    const settings = Object.entries(serverSettings(this.#run, this.options));
    const args = ["-D", this.#data, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    const child = asServer(this.programs.postgres, args, this.who).spawn();
    // The server outlives us when we are killed; it must not keep us alive when we are done.
    child.unref();
    let words = "";
    // Soon the server writes into its own log file; what comes here before that is why it could not start.
    const drained = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (text) => void (words = (words + text).slice(-2_000)) }),
    ).catch(() => {});
    const server = { ended: false, words: () => words, kill: () => child.kill("SIGQUIT"), drained };
    child.status.then(() => server.ended = true);
    return server;
  }

  async #answers(): Promise<boolean> {
    const sql = pool({ socket: this.#socket, user: SUPERUSER, database: "postgres", max: 1, connect_timeout_s: 2 });
    try {
      await sql`select 1`;
      return true;
    } catch {
      return false;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async #pid(): Promise<number> {
    return parseInt((await Deno.readTextFile(`${this.#data}/postmaster.pid`)).split("\n")[0]);
  }

  /** pg_ctl finds the process by postmaster.pid, checks that it is the one, and waits: ours or adopted. */
  async #stop(): Promise<void> {
    const args = ["stop", "-D", this.#data, "-m", "fast", "-w", "-t", "30", "-s"];
    const { success, stderr } = await asServer(this.programs.pg_ctl, args, this.who).spawn().output();
    const stillThere = await Deno.stat(`${this.#data}/postmaster.pid`).then(() => true, () => false);
    if (!success && stillThere) throw failed("the server did not stop", new TextDecoder().decode(stderr));
    this.#log.info("database.stopped", { path: this.state });
  }
}

/** Sizes for one small machine; no network, no replication. */
function serverSettings(run: string, options: EmbeddedOptions): Record<string, string> {
  const settings = {
    listen_addresses: "",
    port: String(PORT),
    unix_socket_directories: run,
    unix_socket_permissions: "0700",
    max_connections: String(options.max_connections ?? 60),
    shared_buffers: "64MB",
    dynamic_shared_memory_type: "mmap",
    wal_level: "minimal",
    max_wal_senders: "0",
    max_wal_size: "256MB",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    logging_collector: "on",
    log_directory: "log",
    log_filename: "postgres.log",
    log_rotation_size: "10MB",
    log_rotation_age: "0",
    // Statements may carry what must not be in a log.
    log_min_error_statement: "panic",
    log_checkpoints: "off",
  };
  if (options.durable !== false) return settings;
  return { ...settings, fsync: "off", full_page_writes: "off", synchronous_commit: "off", autovacuum: "off" };
}

function socketUrl(run: string, user: string, database: string): string {
  const query = new URLSearchParams({ host: run, user, port: String(PORT) });
  return `postgres:///${encodeURIComponent(database)}?${query}`;
}

function failed(what: string, words: string): DatabaseError {
  const said = reason(words.trim() || "it said nothing").replace(/\s+/g, " ");
  return new DatabaseError(
    "embedded",
    `The embedded PostgreSQL: ${what}: ${said}`,
    "Remove what it complains about, or start with another state folder.",
  );
}
