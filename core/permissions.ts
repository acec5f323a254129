import { isIP } from "node:net";
import { type Config, databaseUrlOf, type Role } from "./config/types.ts";
import { readTarget } from "./database/target.ts";

/** Where the program and the machine keep what a role may reach. Folders and files are absolute, real paths. */
export interface Places {
  /** The folder of main.ts: the checkout, or the embedded file system of an executable. */
  root: string;
  /** Files that main reads again on a reload: the configuration and what holds its secrets. */
  files: string[];
  /** Addresses of the machine's name servers, used when server.name_servers is empty. */
  name_servers: string[];
}

/** What each role may do; every key is said, so that nothing is inherited. */
export interface RolePermissions {
  net: true | string[];
  read: string[];
  write: string[];
  env: true | string[];
  ffi: string[];
  run: false;
  sys: false;
  import: false;
}

/**
 * The native Argon2 module below the program's folder. The folder carries the version because Deno compares real
 * paths: through the short link in node_modules the module is refused. `deno task arch` ties it to deno.json.
 */
export const ARGON2_FILE =
  "node_modules/.deno/@node-rs+argon2-linux-x64-gnu@2.2.1/node_modules/@node-rs/argon2-linux-x64-gnu/argon2.linux-x64-gnu.node";

/** Variables that postgres.js and ws look at while they load; a refusal would stop them. */
const LIBRARY_ENV = ["PG*", "WS_NO_BUFFER_UTIL", "WS_NO_UTF_8_VALIDATE"];
/** The same for undici, which only the fleet role loads. */
const UNDICI_ENV = ["JEST_WORKER_ID", "UNDICI_NO_WASM_SIMD"];

/** The file that holds the first admin's one-time password until it is used. */
export function initialPasswordFile(config: Pick<Config, "state">): string {
  return `${config.state.directory.replace(/\/+$/, "")}/initial-password`;
}

/** The folder of the audit log's signed checkpoints: beside the database, not in it. */
export function auditFolder(config: Pick<Config, "state">): string {
  return `${config.state.directory.replace(/\/+$/, "")}/audit`;
}

/** The name servers that the web role may ask: the configured ones, else the machine's. */
export function nameServers(config: Config, places: Places): string[] {
  return config.server.name_servers.length > 0 ? config.server.name_servers : places.name_servers;
}

/**
 * What a role may do, and nothing else. Pure: the same configuration gives the same answer, which
 * `patch-manager config permissions` prints and the tests beside this file prove in a running worker.
 */
export function rolePermissions(role: Role, config: Config, places: Places): RolePermissions {
  return role === "main"
    ? mainPermissions(config, places)
    : role === "web"
    ? webPermissions(config, places)
    : fleetPermissions(config);
}

/**
 * main opens the roles' doors but none of its own. `net: true` because Deno takes no network (CIDR) as part of
 * another one: a parent that hands out networks must hold everything. It gives it back once the roles run.
 */
function mainPermissions(config: Config, places: Places): RolePermissions {
  const web = webPermissions(config, places);
  const fleet = fleetPermissions(config);
  const owner = database("main", config);
  const state = [config.state.directory, config.pki.directory];
  const ca = config.database.ca_file === null ? [] : [config.database.ca_file];
  return {
    net: true,
    read: unique([
      places.root,
      ...places.files,
      ...state,
      ...ca,
      ...owner.socket,
      ...web.read,
      ...fleet.read,
      "/etc/resolv.conf",
    ]),
    write: unique([...state, ...owner.socket, ...web.write, ...fleet.write]),
    env: true,
    ffi: web.ffi,
    run: false,
    sys: false,
    import: false,
  };
}

/** The web role: its listener, the database, the name servers; the CA's folder, because it signs. */
function webPermissions(config: Config, places: Places): RolePermissions {
  const { server, pki } = config;
  const { net, socket } = database("web", config);
  const own = [server.certificate_file, server.key_file].filter((file) => file !== null);
  return {
    net: unique([
      at(server.listen, server.port),
      ...net,
      ...nameServers(config, places).map((address) => at(address, 53)),
    ]),
    read: unique([
      `${places.root}/dist`,
      `${places.root}/static`,
      pki.directory,
      ...own,
      initialPasswordFile(config),
      auditFolder(config),
      "/etc/hosts",
      ...socket,
    ]),
    write: unique([pki.directory, initialPasswordFile(config), auditFolder(config), ...socket]),
    env: LIBRARY_ENV,
    ffi: [`${places.root}/${ARGON2_FILE}`],
    run: false,
    sys: false,
    import: false,
  };
}

/** The fleet role: agents and the database; its own key and certificate and the CA's certificate. */
function fleetPermissions(config: Config): RolePermissions {
  const { agents, pki } = config;
  const { net, socket } = database("fleet", config);
  const hosts = [...agents.networks, ...agents.extra_agents];
  return {
    net: unique([...hosts.flatMap((host) => agents.ports.map((port) => at(host, port))), ...net]),
    read: [
      ...["manager-client.key", "manager-client.crt", "root.crt"].map((name) => `${pki.directory}/${name}`),
      ...socket,
    ],
    write: socket,
    env: [...LIBRARY_ENV, ...UNDICI_ENV],
    ffi: [],
    run: false,
    sys: false,
    import: false,
  };
}

/** What the way to the database needs: a unix socket counts as net, and as a file that is read and written. */
function database(role: Role, config: Config): { net: string[]; socket: string[] } {
  const url = databaseUrlOf(role, config);
  if (url === null) return { net: [], socket: [] };
  const target = readTarget(url);
  return target.socket === null
    ? { net: [at(target.host, target.port)], socket: [] }
    : { net: [`unix:${target.socket}`], socket: [target.socket] };
}

function at(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function unique(items: string[]): string[] {
  return [...new Set(items)];
}

/** The object that a Worker takes. An empty list would be read as "nothing named", so it becomes false. */
export function workerPermissions(permissions: RolePermissions): Deno.PermissionOptionsObject {
  return Object.fromEntries(
    Object.entries(permissions).map((
      [name, value],
    ) => [name, Array.isArray(value) && value.length === 0 ? false : value]),
  );
}

/** The flags of `deno run` for the same rights. */
export function permissionFlags(permissions: RolePermissions): string[] {
  return ["--no-prompt"].concat(
    Object.entries(permissions).flatMap(([name, value]) => {
      if (value === true) return [`--allow-${name}`];
      return value === false || value.length === 0 ? [] : [`--allow-${name}=${value.join(",")}`];
    }),
  );
}
