import assert from "node:assert/strict";
import { readArguments, UsageError } from "./arguments.ts";
import { nameServersIn } from "./places.ts";
import { runtimeProblem } from "./program.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** Runs main.ts with only these variables, as a person would. */
async function manager(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-read",
      "--allow-env",
      `--config=${ROOT}deno.json`,
      `${ROOT}main.ts`,
      ...args,
    ],
    clearEnv: true,
    env: { ...cache(), ...env },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** Where the runtime keeps compiled modules; without it every start compiles anew. */
function cache(): Record<string, string> {
  const names = ["HOME", "DENO_DIR", "XDG_CACHE_HOME"];
  return Object.fromEntries(names.flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)!]] : []));
}

const misunderstood: { args: string[]; env?: Record<string, string>; says: RegExp }[] = [
  { args: [], says: /^Which command\? See: patch-manager help$/ },
  { args: ["srve"], says: /^There is no command "srve"\. Did you mean serve\?/ },
  { args: ["toString"], says: /^There is no command "toString"\./ },
  { args: ["version", "--loud"], says: /^There is no flag --loud here\./ },
  { args: ["serve", "--rol", "web"], says: /^There is no flag --rol here\. Did you mean --role\?/ },
  { args: ["serve", "--role", "boss"], says: /^"boss" is no role\./ },
  { args: ["serve", "now"], says: /^"now" is not understood here\./ },
  { args: ["serve"], says: /^No database is configured: set database\.url in .*\n.*deno task demo/ },
  { args: ["migrate"], says: /^No database is configured/ },
  { args: ["verify"], says: /^No database is configured/ },
  { args: ["access"], says: /^access needs one of: list, allow NETWORK, clear\./ },
  { args: ["access", "open"], says: /^"open" is not one of: list, allow NETWORK, clear\./ },
  { args: ["access", "allow"], says: /^access allow needs one network/ },
  { args: ["access", "allow", "10.0.0.0/8", "10.0.0.0/9"], says: /^access allow needs one network/ },
  { args: ["access", "clear", "all"], says: /^"all" is not understood here/ },
  { args: ["access", "list"], says: /^No database is configured/ },
  { args: ["config"], says: /^config needs one of/ },
  { args: ["config", "forget"], says: /^"forget" is not one of/ },
  { args: ["config", "check", "--config", "/nowhere/x.toml"], says: /^\/nowhere\/x\.toml: The file does not exist\.$/ },
  { args: ["config", "show", "--config"], says: /^--config needs a value/ },
  {
    args: ["serve"],
    env: { PATCH_MANAGER__SERVER__PORT: "x", PATCH_MANAGER__NOPE: "1", DATABASE_URL: "postgres://u:geheim@/" },
    says: /^PATCH_MANAGER__NOPE: [^]*PATCH_MANAGER__SERVER__PORT: [^]*DATABASE_URL: /,
  },
];
for (const { args, env, says } of misunderstood) {
  Deno.test(`exit code 2 and words: ${args.join(" ") || "nothing"}${env ? " in a bad environment" : ""}`, async () => {
    const { code, out, err } = await manager(args, env);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err.trim(), says);
    assert.ok(!err.includes("geheim") && !/\bat .*\.ts:\d/.test(err), err);
  });
}

Deno.test("version, help and the example need no configuration", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const word of ["version", "--version"]) {
    assert.equal((await manager([word])).out, `patch-manager ${version} (Deno ${Deno.version.deno})\n`);
  }
  const { code, out } = await manager(["--help"]);
  assert.equal(code, 0);
  for (const name of ["serve", "migrate", "config", "admin", "verify", "access", "licenses", "version"]) {
    assert.match(out, new RegExp(`^  ${name}`, "m"));
  }
  assert.equal((await manager(["config", "example"])).out, await Deno.readTextFile(`${ROOT}config.example.toml`));
});

Deno.test("config show hides secrets; config permissions prints every role", async () => {
  const env = { DATABASE_URL: "postgres://u:geheim@127.0.0.1/x" };
  const shown = await manager(["config", "show"], env);
  assert.match(shown.out, /^url = "•••" {2}# DATABASE_URL$/m);
  const { out } = await manager(["config", "permissions", "--json"], env);
  const roles = JSON.parse(out);
  assert.deepEqual(Object.keys(roles), ["main", "web", "fleet"]);
  assert.deepEqual([roles.main.run, roles.web.run, roles.fleet.run, roles.fleet.ffi], [false, false, false, []]);
  const words = (await manager(["config", "permissions"], env)).out;
  assert.match(words, /fleet \(talks to hosts\)\n {2}net {4}10\.0\.0\.0\/8:12443\n/);
  assert.ok(!(shown.out + out + words).includes("geheim"));
});

Deno.test("the licence notices name every package of the import map", async () => {
  const { code, out } = await manager(["licenses"]);
  assert.equal(code, 0);
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as { imports: Record<string, string> };
  for (const target of Object.values(imports)) {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)/.exec(target)!;
    assert.ok(out.includes(`\n${name} ${version}: `), `${name} ${version}`);
  }
});

for (
  const [version, refused] of [["2.7.11", true], ["2.8.99", true], ["1.46.3", true], ["", true], ["2.9.0", false], [
    "2.10.1",
    false,
  ], ["3.0.0", false]] as const
) {
  Deno.test(`Deno ${version || "without version"} is ${refused ? "refused" : "accepted"}`, () => {
    assert.equal(runtimeProblem(version) !== null, refused);
  });
}

Deno.test("arguments: both spellings of a value, and what is refused", () => {
  const flags = { config: "value", json: "switch" } as const;
  for (const args of [["--config", "a=b", "--json", "x"], ["--config=a=b", "x", "--json"]]) {
    assert.deepEqual(readArguments(args, flags), {
      values: { config: "a=b" },
      switches: new Set(["json"]),
      words: ["x"],
    });
  }
  for (const args of [["-config", "a"], ["--json=1"], ["--json", "--json"], ["--config="], ["--__proto__"], ["--"]]) {
    assert.throws(() => readArguments(args, flags), UsageError, args.join(" "));
  }
});

Deno.test("name servers of a resolv.conf: three at most, comments and zones left out", () => {
  const text =
    "# nameserver 9.9.9.9\nnameserver 10.0.0.1\nnameserver\tfd00::1\nnameserver fe80::1%eth0\nnameserver x\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
  assert.deepEqual(nameServersIn(text), ["10.0.0.1", "fd00::1", "10.0.0.2"]);
});
