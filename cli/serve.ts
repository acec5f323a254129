import { DEFAULT_FILE, loadConfig, type LoadedConfig } from "../core/config/load_config.ts";
import { readFile, thisMachine } from "../core/config/machine.ts";
import { type Config, databaseUrlOf } from "../core/config/types.ts";
import { createLog, type Log } from "../core/log.ts";
import { ARGON2_FILE, nameServers, rolePermissions, workerPermissions } from "../core/permissions.ts";
import { type RoleSecrets } from "../core/role.ts";
import { noWords, readArguments, UsageError } from "./arguments.ts";
import { placesOf } from "./places.ts";
import { databaseCa, noDatabase, prepareDatabase, preparePki } from "./prepare.ts";
import { complain, type Program, runtimeCheckIsOff, words } from "./program.ts";
import { type RoleOrder, type RolesEnded, supervise, type Supervisor, type WorkerRole } from "./supervisor.ts";

/** The code of each role, from the folder of main.ts. Below routes/ only a folder like (_role) is no URL. */
const ENTRIES: Record<WorkerRole, string> = { web: "routes/(_role)/main", fleet: "worker/main" };
/** How long the roles may take to finish or hand over what runs. */
const STOP_MS = 20_000;
/** A terminal and a task runner both pass Ctrl-C on: within this time the second one is the same one. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Starts the roles and watches them. Exit code 0 after a stop that was asked for, 1 when a role failed (systemd
 * then starts everything again), 2 when the configuration is wrong.
 */
export async function serve(args: readonly string[], program: Program): Promise<number> {
  const flags = readArguments(args, { config: "value", role: "value" });
  noWords(flags);
  const roles = rolesOf(flags.values.role);
  // The environment is copied: main gives up the right to read it, and a reload needs it again.
  const machine = thisMachine();
  const load = () => loadConfig(flags.values.config, machine);
  const loaded = load();
  const { config } = loaded;
  const format = logFormat(config);
  const log = createLog({ level: config.log.level, format }, { role: "main" });
  if (missingDatabase(config, roles)) return complain(noDatabase(loaded.file ?? DEFAULT_FILE)), 2;
  const signals = listenToSignals();
  try {
    const schema_version = await prepareDatabase(config, roles, program, log);
    await preparePki(config, roles, log);
    const orders = () => roles.map((role) => order(role, load(), program, format, schema_version));
    const supervisor = supervise(orders(), { log });
    try {
      return await watch(supervisor, signals, orders, log, program, config);
    } finally {
      supervisor.close();
    }
  } catch (thrown) {
    log.error("server.start_failed", { message: words(thrown).replaceAll("\n", " ") });
    return 1;
  } finally {
    signals.close();
  }
}

function rolesOf(text: string | undefined): WorkerRole[] {
  if (text === undefined) return ["web", "fleet"];
  if (text === "web" || text === "fleet") return [text];
  throw new UsageError(`"${text}" is no role. Use --role web or --role fleet, or leave it out for both.`);
}

function logFormat({ log }: Config): "json" | "text" {
  return log.format === "auto" ? Deno.stdout.isTerminal() ? "text" : "json" : log.format;
}

function missingDatabase(config: Config, roles: WorkerRole[]): boolean {
  return roles.some((role) => databaseUrlOf(role, config) === null) ||
    (roles.includes("web") && databaseUrlOf("main", config) === null);
}

function order(
  role: WorkerRole,
  loaded: LoadedConfig,
  program: Program,
  log_format: "json" | "text",
  schema_version: number,
): RoleOrder {
  const places = placesOf(program, loaded);
  const { database: _, ...config } = loaded.config;
  const secrets: RoleSecrets = {
    database_url: databaseUrlOf(role, loaded.config)!,
    database_ca: databaseCa(role, loaded.config, readFile),
  };
  const { root, version } = program;
  const given = rolePermissions(role, loaded.config, places);
  // The old runtime of a test build does not know sockets as `net`; reading and writing them was enough there.
  if (runtimeCheckIsOff() && given.net !== true) given.net = given.net.filter((item) => !item.startsWith("unix:"));
  return {
    role,
    entry: new URL(`file://${encodeURI(root)}/${ENTRIES[role]}${program.ending}`),
    permissions: workerPermissions(given),
    start: {
      type: "start",
      config: {
        ...config,
        places: { root, version, log_format, schema_version, name_servers: nameServers(loaded.config, places) },
      },
      secrets,
    },
  };
}

async function watch(
  supervisor: Supervisor,
  signals: Signals,
  orders: () => RoleOrder[],
  log: Log,
  program: Program,
  config: Config,
): Promise<number> {
  let first = orders();
  signals.onReload = () => {
    try {
      const fresh = orders();
      supervisor.reload(fresh);
      // Permissions are given at the start and never widened.
      const fixed = JSON.stringify(fresh.map(({ permissions }) => permissions)) !==
        JSON.stringify(first.map(({ permissions }) => permissions));
      first = fixed ? first : fresh;
      if (fixed) {
        log.warn("config.restart_needed", { message: "Addresses, ports or paths changed: restart to use them." });
      } else log.info("config.reloaded");
    } catch (thrown) {
      log.error("config.refused", { message: `The running one stays. ${words(thrown).replaceAll("\n", " ")}` });
    }
  };
  signals.onStop = () => supervisor.stop(STOP_MS);
  void supervisor.ready.then((addresses) => {
    const gone = dropRights(config, `${program.root}/${ARGON2_FILE}`);
    // Counted from the start of the process.
    const duration_ms = Math.round(performance.now());
    for (const [role, address] of Object.entries(addresses)) {
      if (address !== null) log.info("server.listening", { role, address });
    }
    log.info("server.started", { duration_ms, version: program.version, message: `main gave up ${gone.join(", ")}` });
  });
  const ended: RolesEnded = await supervisor.ended;
  if (ended.code === "stopped") {
    log.info("server.stopped");
    return 0;
  }
  log.error("role.ended", { role: ended.role, error_code: ended.code, message: ended.message });
  return 1;
}

/**
 * What main no longer needs once the roles run: they keep theirs. Reading stays, for a reload of configuration and
 * certificates. Returns what is really gone, asked of the runtime.
 */
function dropRights({ state }: Config, ffi: string): string[] {
  const rights: Deno.PermissionDescriptor[] = [
    { name: "net" },
    { name: "write", path: state.directory },
    { name: "env" },
    { name: "ffi", path: ffi },
  ];
  for (const { name } of rights) Deno.permissions.revokeSync({ name });
  return rights.filter((right) => Deno.permissions.querySync(right).state !== "granted").map(({ name }) => name);
}

interface Signals {
  onStop: () => void;
  onReload: () => void;
  close(): void;
}

/** SIGTERM and SIGINT stop once; SIGHUP reloads. Before the roles run, a stop ends the process at once. */
function listenToSignals(): Signals {
  let stopped = -Infinity;
  const signals: Signals = {
    onStop: () => Deno.exit(1),
    onReload: () => {},
    close() {
      Deno.removeSignalListener("SIGINT", stop);
      Deno.removeSignalListener("SIGTERM", stop);
      Deno.removeSignalListener("SIGHUP", reload);
    },
  };
  const stop = () => {
    if (performance.now() - stopped < SAME_SIGNAL_MS) return;
    // A person who insists gets out.
    if (stopped > 0) Deno.exit(1);
    stopped = performance.now();
    signals.onStop();
  };
  const reload = () => signals.onReload();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGHUP", reload);
  return signals;
}
