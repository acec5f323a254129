import assert from "node:assert/strict";
import { exampleConfig, HIDDEN, showConfig } from "./describe.ts";
import { ConfigError, loadConfig, problemLine } from "./load_config.ts";
import { readFile } from "./machine.ts";

/** A folder of this test with the given files (0600 unless told), and a machine with only this environment. */
async function machineWith(
  files: Record<string, string | { text: string; mode: number }>,
  env: Record<string, string> = {},
) {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-config-" });
  for (const [name, file] of Object.entries(files)) {
    const { text, mode } = typeof file === "string" ? { text: file, mode: 0o600 } : file;
    await Deno.writeTextFile(`${folder}/${name}`, text);
    await Deno.chmod(`${folder}/${name}`, mode);
  }
  return {
    folder,
    file: `${folder}/config.toml`,
    machine: { env, read: readFile },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Problem lines of a configuration that must be refused, the folder's name left out. */
async function problemsOf(toml: string, env: Record<string, string> = {}, mode = 0o600): Promise<string[]> {
  await using box = await machineWith({ "config.toml": { text: toml, mode } }, env);
  try {
    loadConfig(box.file, box.machine);
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError, String(thrown));
    return thrown.problems.map((one) => problemLine(one).replaceAll(`${box.folder}/`, ""));
  }
  return [];
}

const refused: {
  name: string;
  toml?: string;
  env?: Record<string, string>;
  mode?: number;
  says: (string | RegExp)[];
}[] = [
  {
    name: "an unknown key",
    toml: "[server]\n\nprot = 1",
    says: ["config.toml:3: server.prot: There is no such key. Did you mean server.port?"],
  },
  {
    name: "an unknown section",
    toml: "[servr]\nport = 1",
    says: ["config.toml:1: servr: There is no such section. Did you mean server?"],
  },
  {
    name: "a key before every section",
    toml: "port = 1",
    says: [/config\.toml:1: port: There is no such key\. Did you mean server\.port\?/],
  },
  {
    name: "a key of another section",
    toml: "[log]\nnetworks = []",
    says: [/config\.toml:2: log\.networks: There is no such key\. Did you mean agents\.networks\?/],
  },
  {
    name: "a section below a section",
    toml: "[agents.more]\nx = 1",
    says: [
      /config\.toml:1: agents\.more: There is no such section/,
      /config\.toml:2: agents\.more\.x: There is no such key/,
    ],
  },
  {
    name: "a list of tables",
    toml: "[[server]]\nport = 1",
    says: [/config\.toml:1: server\.0: There is no such section/, /server\.0\.port: There is no such key/],
  },
  { name: "broken TOML", toml: "[server]\nport = ", says: [/config\.toml:2: This is not TOML: /] },
  { name: "a key given twice", toml: "[server]\nport = 1\nport = 2", says: [/config\.toml:3: This is not TOML: /] },
  {
    name: "a port out of range",
    toml: "[server]\nport = 65536",
    says: [/config\.toml:2: server\.port: 65536 is not as expected\. Expected a port from 1 to 65535/],
  },
  {
    name: "a port as text",
    toml: '[server]\nport = "8443"',
    says: [/config\.toml:2: server\.port: "8443" is not as expected/],
  },
  { name: "a fractional port", toml: "[server]\nport = 8443.5", says: [/server\.port: 8443\.5 is not/] },
  {
    name: "a name where an address belongs",
    toml: '[server]\nlisten = "localhost"',
    says: [/server\.listen: "localhost" is not/],
  },
  { name: "an address with a zone", toml: '[server]\nlisten = "fe80::1%eth0"', says: [/server\.listen/] },
  {
    name: "a public address over http",
    toml: '[server]\npublic_url = "http://x.example"',
    says: [/server\.public_url: .*https:/],
  },
  {
    name: "a public address with a path",
    toml: '[server]\npublic_url = "https://x.example/patch"',
    says: [/server\.public_url/],
  },
  {
    name: "a public address with a password",
    toml: '[server]\npublic_url = "https://a:b@x.example"',
    says: [/server\.public_url/],
  },
  {
    name: "a certificate without key",
    toml: '[server]\n\ncertificate_file = "/a.crt"',
    says: ["config.toml:3: server.certificate_file: key_file is missing. A certificate and its key come together."],
  },
  {
    name: "a relative path",
    toml: '[state]\ndirectory = "state"',
    says: [/state\.directory: "state" is not as expected\. Expected an absolute path/],
  },
  { name: "a path that climbs", toml: '[state]\ndirectory = "/var/../etc"', says: [/state\.directory/] },
  {
    name: "a path with a comma, which splits permission lists",
    toml: '[state]\ndirectory = "/var,/etc"',
    says: [/state\.directory/],
  },
  { name: "the root folder", toml: '[state]\ndirectory = "/"', says: [/state\.directory/] },
  {
    name: "a network element, by its own line",
    toml: '[agents]\nnetworks = [\n  "10.0.0.0/8",\n  "10.0.0.0/7",\n]',
    says: [/^config\.toml:4: agents\.networks\[1\]: "10\.0\.0\.0\/7" is not as expected\. Expected a list of IPv4/],
  },
  { name: "host bits in a network", toml: '[agents]\nnetworks = ["10.0.0.1/8"]', says: [/networks\[0\]/] },
  { name: "an IPv6 network", toml: '[agents]\nnetworks = ["fd00::/8"]', says: [/networks\[0\]/] },
  { name: "a short network", toml: '[agents]\nnetworks = ["10/8"]', says: [/networks\[0\]/] },
  { name: "a network with leading zero", toml: '[agents]\nnetworks = ["10.0.0.0/08"]', says: [/networks\[0\]/] },
  { name: "no port at all", toml: "[agents]\nports = []", says: [/agents\.ports: \[\] is not as expected/] },
  { name: "port 0 of agents", toml: "[agents]\nports = [0]", says: [/agents\.ports\[0\]: 0 is not/] },
  {
    name: "a value that is a table",
    toml: "[server]\nport = { a = 1 }",
    says: [/config\.toml:2: server\.port\.a: There is no such key/],
  },
  {
    name: "a login name with a space",
    toml: '[auth]\nfirst_admin = "the admin"',
    says: [/^config\.toml:2: auth\.first_admin: "the admin" is not as expected/],
  },
  {
    name: "an unknown level",
    toml: '[log]\nlevel = "loud"',
    says: [/log\.level: "loud" is not as expected\. Expected "debug", "info", "warn" or "error"/],
  },
  {
    name: "a database of another kind, its password unsaid",
    toml: '[database]\nurl = "mysql://u:geheim@h/x"',
    says: [
      "config.toml:2: database.url: database.url is not a PostgreSQL address. Expected postgres://user[:password]@host[:port]/database, or postgres:///database?host=/folder&user=name.",
    ],
  },
  { name: "a database without name", toml: '[database]\nurl = "postgres://u@h"', says: [/database\.url/] },
  { name: "two databases in one address", toml: '[database]\nurl = "postgres://u@h,i/x"', says: [/database\.url/] },
  {
    name: "one login and three logins",
    toml: '[database]\nurl = "postgres://u@h/x"\nweb_url = "postgres://w@h/x"',
    says: [/^config\.toml:3: database\.web_url: database\.url is given too \(config\.toml:2\)/],
  },
  {
    name: "a secret twice",
    toml: '[database]\nurl = "postgres://u@h/x"\nurl_file = "/nowhere"',
    says: [/given twice/, /config\.toml:3: database\.url_file: \/nowhere does not exist/],
  },
  {
    name: "a file that everybody may write",
    toml: "",
    mode: 0o602,
    says: [/config\.toml: Everybody may write this file\. Run: chmod o-w/],
  },
  {
    name: "a password that everybody may read",
    toml: '[database]\nurl = "postgres://u:geheim@h/x"',
    mode: 0o644,
    says: [/config\.toml:2: database\.url: Everybody may read this file, and it holds a password/],
  },
  {
    name: "an unknown variable",
    toml: "",
    env: { PATCH_MANAGER__NOPE__X: "1" },
    says: [/^PATCH_MANAGER__NOPE__X: There is no such variable/],
  },
  {
    name: "a mistyped variable",
    env: { PATCH_MANAGER__SERVER__PROT: "1" },
    says: ["PATCH_MANAGER__SERVER__PROT: There is no such variable. Did you mean PATCH_MANAGER__SERVER__PORT?"],
  },
  {
    name: "a bad variable, by its name",
    env: { PATCH_MANAGER__SERVER__PORT: "many" },
    says: [/^PATCH_MANAGER__SERVER__PORT: server\.port: "many" is not/],
  },
  {
    name: "a bad element of a variable",
    env: { PATCH_MANAGER__AGENTS__NETWORKS: "10.0.0.0/8, x" },
    says: [/^PATCH_MANAGER__AGENTS__NETWORKS: agents\.networks\[1\]: "x" is not/],
  },
  {
    name: "a bad DATABASE_URL, unsaid",
    env: { DATABASE_URL: "postgres://u:geheim@h" },
    says: [/^DATABASE_URL: database\.url: database\.url names no database/],
  },
  {
    name: "DATABASE_URL and its long form",
    env: { DATABASE_URL: "postgres://u@h/x", PATCH_MANAGER__DATABASE__URL: "postgres://u@h/y" },
    says: [/^DATABASE_URL: database\.url: This is given twice, also by PATCH_MANAGER__DATABASE__URL/],
  },
];

for (const { name, toml = "", env, mode, says } of refused) {
  Deno.test(`configuration refuses ${name}`, async () => {
    const problems = await problemsOf(toml, env, mode);
    assert.equal(problems.length, says.length, problems.join("\n"));
    says.forEach((wanted, i) =>
      typeof wanted === "string" ? assert.equal(problems[i], wanted) : assert.match(problems[i], wanted)
    );
    assert.ok(!problems.join().includes("geheim"), "a secret was printed");
  });
}

Deno.test("all problems come at once, from file and environment", async () => {
  const problems = await problemsOf('[server]\nport = 0.5\nlisten = "x"\nfoo = 1\n[nope]\n', {
    PATCH_MANAGER__LOG__LEVEL: "x",
    PATCH_MANAGER__Y: "1",
  });
  assert.deepEqual(problems.map((line) => line.split(": ")[0]).sort(), [
    "PATCH_MANAGER__LOG__LEVEL",
    "PATCH_MANAGER__Y",
    "config.toml:2",
    "config.toml:3",
    "config.toml:4",
    "config.toml:5",
  ]);
});

Deno.test("defaults, file, credential and variable, in this order", async () => {
  await using box = await machineWith({
    "config.toml": '[server]\nport = 1000\nlisten = "::"\n[state]\ndirectory = "/srv/pm/"\n',
    "database.url": "postgres://u:geheim@[::1]:5433/x\n",
  });
  const env = {
    PATCH_MANAGER__SERVER__PORT: "2000",
    PATCH_MANAGER__AGENTS__PORTS: "1,2",
    CREDENTIALS_DIRECTORY: box.folder,
  };
  const loaded = loadConfig(box.file, { ...box.machine, env });
  assert.equal(loaded.config.server.port, 2000);
  assert.equal(loaded.config.server.listen, "::");
  assert.deepEqual(loaded.config.agents.ports, [1, 2]);
  assert.equal(loaded.config.database.url, "postgres://u:geheim@[::1]:5433/x");
  assert.equal(loaded.config.pki.directory, "/srv/pm/pki");
  assert.equal(loaded.config.log.level, "info");
  assert.deepEqual(
    [
      loaded.origins["server.port"],
      loaded.origins["server.listen"],
      loaded.origins["log.level"],
      loaded.origins["database.url"],
    ],
    ["PATCH_MANAGER__SERVER__PORT", `${box.file}:3`, "default", `${box.folder}/database.url`],
  );
  const shown = showConfig(loaded);
  assert.match(shown, new RegExp(`url = "${HIDDEN}"`));
  assert.match(shown, /port = 2000 {2}# PATCH_MANAGER__SERVER__PORT/);
  assert.ok(!shown.includes("geheim"));
});

Deno.test("a secret from a file, and what is refused about that file", async () => {
  await using box = await machineWith({
    secret: "postgres://u:geheim@h/x\n",
    open: { text: "postgres://u@h/x", mode: 0o604 },
  });
  const from = (name: string) =>
    loadConfig(undefined, { ...box.machine, env: { PATCH_MANAGER__DATABASE__URL_FILE: `${box.folder}/${name}` } });
  assert.equal(from("secret").config.database.url, "postgres://u:geheim@h/x");
  for (
    const [name, says] of [["open", /Everybody may use/], ["none", /does not exist/], ["", /is not a file/]] as const
  ) {
    assert.throws(() => from(name), says, name);
  }
});

Deno.test("a missing file is refused only when it was asked for", async () => {
  await using box = await machineWith({});
  assert.throws(() => loadConfig(box.file, box.machine), /config\.toml: The file does not exist/);
  const absent = { env: {}, read: () => ({ problem: "does not exist", missing: true }) };
  assert.equal(loadConfig(undefined, absent).config.server.port, 8443);
  assert.equal(loadConfig(undefined, absent).file, null);
  const locked = { env: {}, read: () => ({ problem: "cannot be read by this user", missing: false }) };
  assert.throws(() => loadConfig(undefined, locked), /cannot be read by this user/);
});

Deno.test("the example file is the committed one, is valid, and equals the defaults", async () => {
  const text = exampleConfig();
  const committed = await Deno.readTextFile(new URL("../../config.example.toml", import.meta.url));
  assert.equal(committed, text, "run: deno run main.ts config example > config.example.toml");
  await using box = await machineWith({ "config.toml": text });
  const { config } = loadConfig(box.file, box.machine);
  const absent = { env: {}, read: () => ({ problem: "does not exist", missing: true }) };
  assert.deepEqual(config, loadConfig(undefined, absent).config);
});

Deno.test("every line of the example that shows a value can be switched on", async () => {
  const keep = /^# (\w+ = .*)$/gm;
  const text = exampleConfig().replace(keep, (whole, line) => /^(owner|web|fleet)_url/.test(line) ? whole : line);
  await using box = await machineWith({ "config.toml": text });
  const { config, origins } = loadConfig(box.file, box.machine);
  assert.equal(config.server.public_url, "https://patch.example.org");
  const unset = Object.entries(origins).filter(([, origin]) => origin === "default").map(([key]) => key);
  assert.deepEqual(unset, ["database.owner_url", "database.web_url", "database.fleet_url"]);
});
