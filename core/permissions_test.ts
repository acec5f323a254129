import assert from "node:assert/strict";
import { loadConfig } from "./config/load_config.ts";
import type { Config, Role } from "./config/types.ts";
import { ARGON2_FILE, permissionFlags, type Places, rolePermissions, workerPermissions } from "./permissions.ts";
import type { Attempt, Outcome } from "./permissions_fixture.ts";

const ROOT = Deno.realPathSync(new URL("..", import.meta.url).pathname).replace(/\/$/, "");
const PLACES: Places = {
  root: ROOT,
  files: ["/etc/patch-manager/config.toml"],
  name_servers: ["192.0.2.53", "2001:db8::53"],
};

/** The defaults with these variables on top. */
function configOf(env: Record<string, string>): Config {
  return loadConfig(undefined, { env, read: () => ({ problem: "does not exist", missing: true }) }).config;
}

Deno.test("the fleet role: agents by network and port, the database, its own key, nothing else", () => {
  const config = configOf({
    PATCH_MANAGER__AGENTS__NETWORKS: "10.1.0.0/16,10.2.0.0/24",
    PATCH_MANAGER__AGENTS__PORTS: "12443,12444",
    PATCH_MANAGER__AGENTS__EXTRA_AGENTS: "2001:db8::7",
    DATABASE_URL: "postgres://u@db.example.org:6432/x",
  });
  assert.deepEqual(rolePermissions("fleet", config, PLACES), {
    net: [
      "10.1.0.0/16:12443",
      "10.1.0.0/16:12444",
      "10.2.0.0/24:12443",
      "10.2.0.0/24:12444",
      "[2001:db8::7]:12443",
      "[2001:db8::7]:12444",
      "db.example.org:6432",
    ],
    read: ["manager-client.key", "manager-client.crt", "root.crt"].map((name) => `/var/lib/patch-manager/pki/${name}`),
    write: [],
    env: ["PG*", "WS_NO_BUFFER_UTIL", "WS_NO_UTF_8_VALIDATE", "JEST_WORKER_ID", "UNDICI_NO_WASM_SIMD"],
    ffi: [],
    run: false,
    sys: false,
    import: false,
  });
});

Deno.test("the web role: listener, database socket, name servers; the native module by its real folder", () => {
  const config = configOf({ DATABASE_URL: "postgres:///x?host=/run/pg&user=u", PATCH_MANAGER__SERVER__LISTEN: "::" });
  const web = rolePermissions("web", config, PLACES);
  assert.deepEqual(web.net, ["[::]:8443", "unix:/run/pg/.s.PGSQL.5432", "192.0.2.53:53", "[2001:db8::53]:53"]);
  assert.deepEqual(web.write, [
    "/var/lib/patch-manager/pki",
    "/var/lib/patch-manager/initial-password",
    "/var/lib/patch-manager/audit",
    "/run/pg/.s.PGSQL.5432",
  ]);
  assert.deepEqual(web.ffi, [`${ROOT}/${ARGON2_FILE}`]);
  assert.equal(Deno.realPathSync(web.ffi[0]), web.ffi[0], "the path is the real one");
  const own = configOf({ PATCH_MANAGER__SERVER__NAME_SERVERS: "10.0.0.1" });
  assert.deepEqual(rolePermissions("web", own, PLACES).net, ["0.0.0.0:8443", "10.0.0.1:53"]);
});

Deno.test("every role uses its own login when there are three", () => {
  const config = configOf(Object.fromEntries(
    ["owner", "web", "fleet"].map((
      who,
    ) => [`PATCH_MANAGER__DATABASE__${who.toUpperCase()}_URL`, `postgres://${who}@${who}.example/x`]),
  ));
  assert.ok(rolePermissions("web", config, PLACES).net.toString().includes("web.example:5432"));
  assert.ok(rolePermissions("fleet", config, PLACES).net.toString().endsWith("fleet.example:5432"));
  assert.ok(!rolePermissions("fleet", config, PLACES).net.toString().includes("web.example"));
});

Deno.test("main covers what it hands out, and never run, sys or import", () => {
  const config = configOf({ DATABASE_URL: "postgres:///x?host=/run/pg&user=u" });
  const main = rolePermissions("main", config, PLACES);
  assert.deepEqual([main.net, main.env, main.run, main.sys, main.import], [true, true, false, false, false]);
  for (const role of ["web", "fleet"] as const) {
    const given = rolePermissions(role, config, PLACES);
    for (const name of ["read", "write", "ffi"] as const) {
      for (const item of given[name]) assert.ok(main[name].includes(item), `main lacks ${name} of ${item}`);
    }
  }
  assert.deepEqual(
    permissionFlags(main).map((flag) => flag.split("=")[0]),
    ["--no-prompt", "--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
  );
});

Deno.test("an empty list becomes false: for Deno a missing key would inherit", () => {
  const given = workerPermissions(rolePermissions("fleet", configOf({}), PLACES)) as Record<string, unknown>;
  assert.deepEqual([given.write, given.ffi, given.run], [false, false, false]);
});

interface Box {
  folder: string;
  agent: Deno.TcpListener;
  config: Config;
  places: Places;
}

/** Deno makes links only with the right to read and write everything, which the unit tests do not have. */
async function link(target: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("/bin/ln", { args: ["-s", target, path] }).output();
  assert.ok(success, `${path} could not be linked`);
}

/** Real files, a real listener in the agents' network, a real unix socket where the database would be. */
async function withBox(body: (box: Box) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-perm-" });
  const agent = Deno.listen({ hostname: "127.1.0.1", port: 0 }) as Deno.TcpListener;
  const socket = Deno.listen({ transport: "unix", path: `${folder}/.s.PGSQL.5432` });
  const accepting = [agent, socket].map((listener) => closeAll(listener));
  try {
    await Deno.mkdir(`${folder}/state/pki`, { recursive: true });
    for (const name of ["root.key", "root.crt", "manager-client.key", "manager-client.crt", "ui.key"]) {
      await Deno.writeTextFile(`${folder}/state/pki/${name}`, name);
    }
    await link("/etc/passwd", `${folder}/passwd-link`);
    await link(`${folder}/state/pki`, `${folder}/pki-link`);
    const config = configOf({
      PATCH_MANAGER__AGENTS__NETWORKS: "127.1.0.0/16",
      PATCH_MANAGER__AGENTS__PORTS: String(agent.addr.port),
      PATCH_MANAGER__SERVER__LISTEN: "127.0.0.1",
      PATCH_MANAGER__SERVER__PORT: "0",
      PATCH_MANAGER__STATE__DIRECTORY: `${folder}/state`,
      DATABASE_URL: `postgres:///x?host=${folder}&user=u`,
    });
    await body({ folder, agent, config, places: PLACES });
  } finally {
    agent.close();
    socket.close();
    await Promise.all(accepting);
    await Deno.remove(folder, { recursive: true });
  }
}

async function closeAll(listener: Deno.Listener): Promise<void> {
  for await (const connection of listener) connection.close();
}

/** Starts a worker with exactly the role's permissions, lets it try everything, and compares. */
async function prove(role: Role, { config, places }: Box, cases: [string, Attempt, Outcome][]): Promise<void> {
  const worker = new Worker(new URL("./permissions_fixture.ts", import.meta.url), {
    type: "module",
    deno: { permissions: workerPermissions(rolePermissions(role, config, places)) },
  } as WorkerOptions);
  try {
    const answers = await new Promise<string[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      worker.postMessage(cases.map(([, attempt]) => attempt));
    });
    const got = cases.map(([name], i) => `${name}: ${answers[i]}`);
    assert.deepEqual(got, cases.map(([name, , wanted]) => `${name}: ${wanted}`));
  } finally {
    worker.terminate();
  }
}

/** What no role may do. */
function never(folder: string): [string, Attempt, Outcome][] {
  return [
    ["read /etc/passwd", { try: "read", what: "/etc/passwd" }, "denied"],
    ["read /proc/self/environ", { try: "read", what: "/proc/self/environ" }, "denied"],
    ["read through a link", { try: "read", what: `${folder}/passwd-link` }, "denied"],
    ["read the configuration", { try: "read", what: "/etc/patch-manager/config.toml" }, "denied"],
    ["read its own code", { try: "read", what: `${ROOT}/core/permissions.ts` }, "denied"],
    ["write beside the state", { try: "write", what: `${folder}/new` }, "denied"],
    ["write into the state", { try: "write", what: `${folder}/state/new` }, "denied"],
    ["write its own code", { try: "write", what: `${ROOT}/core/new.ts` }, "denied"],
    ["run a program", { try: "run", what: "/bin/true" }, "denied"],
    ["run by name", { try: "run", what: "sh" }, "denied"],
    ["load libc", { try: "ffi", what: "libc.so.6" }, "denied"],
    ["load a native module by its short link", {
      try: "ffi",
      what: `${ROOT}/node_modules/@node-rs/argon2-linux-x64-gnu/argon2.linux-x64-gnu.node`,
    }, "denied"],
    ["ask for more", { try: "ask" }, "denied"],
    ["HOME", { try: "env", what: "HOME" }, "denied"],
    ["DATABASE_URL", { try: "env", what: "DATABASE_URL" }, "denied"],
    ["PATCH_MANAGER__DATABASE__URL", { try: "env", what: "PATCH_MANAGER__DATABASE__URL" }, "denied"],
    ["PGHOST, which postgres.js asks for", { try: "env", what: "PGHOST" }, "allowed"],
    ["host name", { try: "sys" }, "denied"],
    ["import code from the network", { try: "import", what: "https://192.0.2.1/x.js" }, "denied"],
    ["import another file", { try: "import", what: `file://${folder}/x.ts` }, "denied"],
    ["fetch from elsewhere", { try: "fetch", what: "http://192.0.2.1/" }, "denied"],
    ["a name in the agents' network", { try: "connect", host: "localhost", port: 12443 }, "denied"],
    ["a worker with more rights", { try: "worker", permissions: { run: true } }, "denied"],
    ["a worker with another network", { try: "worker", permissions: { net: ["192.0.2.1:80"] } }, "denied"],
    ["the cloud's metadata", { try: "connect", host: "169.254.169.254", port: 80 }, "denied"],
    ["another unix socket", { try: "unix", what: "/run/dbus/system_bus_socket" }, "denied"],
    ["the database's socket", { try: "unix", what: `${folder}/.s.PGSQL.5432` }, "allowed"],
  ];
}

Deno.test("denials of the fleet role, in a worker with its permissions", async () => {
  await withBox(async (box) => {
    const { folder, agent: { addr: { port } } } = box;
    const pki = `${folder}/state/pki`;
    await prove("fleet", box, [
      ...never(folder),
      ["its libraries", { try: "libraries" }, "allowed"],
      ["an agent", { try: "connect", host: "127.1.0.1", port }, "allowed"],
      ["another agent of the network", { try: "connect", host: "127.1.255.254", port }, "allowed"],
      ["outside the network", { try: "connect", host: "127.2.0.1", port }, "denied"],
      ["another port of an agent", { try: "connect", host: "127.1.0.1", port: port === 22 ? 23 : 22 }, "denied"],
      ["IPv6", { try: "connect", host: "::1", port }, "denied"],
      ["listen", { try: "listen", host: "127.0.0.1", port: 0 }, "denied"],
      ["resolve names", { try: "resolve", server: "192.0.2.53" }, "denied"],
      ["its client key", { try: "read", what: `${pki}/manager-client.key` }, "allowed"],
      ["the CA's certificate", { try: "read", what: `${pki}/root.crt` }, "allowed"],
      ["the CA's key", { try: "read", what: `${pki}/root.key` }, "denied"],
      ["the CA's key through a link", { try: "read", what: `${folder}/pki-link/root.key` }, "denied"],
      ["the web listener's key", { try: "read", what: `${pki}/ui.key` }, "denied"],
      ["write its client key", { try: "write", what: `${pki}/manager-client.key` }, "denied"],
      ["the first password", { try: "read", what: `${folder}/state/initial-password` }, "denied"],
      ["argon2", { try: "argon2" }, "denied"],
    ]);
  });
});

Deno.test("denials of the web role, in a worker with its permissions", async () => {
  await withBox(async (box) => {
    const { folder, agent: { addr: { port } } } = box;
    const pki = `${folder}/state/pki`;
    await prove("web", box, [
      ...never(folder),
      ["an agent", { try: "connect", host: "127.1.0.1", port }, "denied"],
      ["its listener", { try: "listen", host: "127.0.0.1", port: 0 }, "allowed"],
      ["another listener", { try: "listen", host: "0.0.0.0", port: 0 }, "denied"],
      ["another name server", { try: "resolve", server: "192.0.2.54" }, "denied"],
      ["a name server's other port", { try: "connect", host: "192.0.2.53", port: 80 }, "denied"],
      ["the CA's key", { try: "read", what: `${pki}/root.key` }, "allowed"],
      ["renew its certificate", { try: "write", what: `${pki}/ui.crt` }, "allowed"],
      ["the first password", { try: "write", what: `${folder}/state/initial-password` }, "allowed"],
      ["argon2", { try: "argon2" }, "allowed"],
      ["undici's variables", { try: "env", what: "JEST_WORKER_ID" }, "denied"],
    ]);
  });
});
