import assert from "node:assert/strict";
import { loadConfig } from "../core/config/load_config.ts";
import { readFile } from "../core/config/machine.ts";
import { testDatabase } from "../testing/database.ts";
import { keepLog } from "../testing/planted_secrets.ts";
import { managerCommand } from "./manager_command.ts";
import { placesOf } from "./places.ts";
import { programAt } from "./program.ts";

const PROGRAM = programAt(new URL("../main.ts", import.meta.url).href);

interface Line {
  event: string;
  message?: string;
  address?: string;
  duration_ms?: number;
  error_code?: string;
}

/** A running manager, started as in production, and its log. */
class Manager implements AsyncDisposable {
  readonly lines: Line[] = [];
  #child: Deno.ChildProcess;
  #read: Promise<void>;
  #woken = Promise.withResolvers<void>();
  readonly stderr: Promise<string>;

  constructor(command: { command: string; args: string[]; env: Record<string, string> }) {
    const { args, env } = command;
    this.#child = new Deno.Command(command.command, { args, env, clearEnv: true, stdout: "piped", stderr: "piped" })
      .spawn();
    this.#read = this.#follow();
    this.stderr = new Response(this.#child.stderr).text();
  }

  async #follow(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts.map((line) => JSON.parse(line) as Line));
      this.#wake();
    }
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  /** The first line of this event; fails when the manager ends without it. */
  async line(event: string): Promise<Line> {
    let over = false;
    void this.#read.then(() => (over = true));
    while (true) {
      const found = this.lines.find((line) => line.event === event);
      if (found) return found;
      if (over) throw new Error(`no ${event}: ${JSON.stringify(this.lines)} ${await this.stderr}`);
      await this.#woken.promise;
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async code(): Promise<number> {
    await this.#read;
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.code();
    keepLog(JSON.stringify(this.lines) + await this.stderr);
  }
}

/** A folder with a configuration for a database, and the command that starts the manager with it. */
async function prepared(database: string, more = "") {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-serve-" });
  const file = `${folder}/config.toml`;
  const write = (text: string) => Deno.writeTextFile(file, text, { mode: 0o600 });
  const text = `${database}\n[server]\nlisten = "127.0.0.1"\nport = 0\n[state]\ndirectory = "${folder}/state"\n${more}`;
  await write(text);
  await Deno.mkdir(`${folder}/state`, { mode: 0o700 });
  const loaded = loadConfig(file, { env: {}, read: readFile });
  const places = placesOf(PROGRAM, loaded);
  return {
    folder,
    file,
    text,
    write,
    command: (role?: "web" | "fleet") => managerCommand(loaded.config, places, { role, file }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("the web role alone: started with production permissions, reloaded, stopped by one signal", async () => {
  await using database = await testDatabase();
  await using box = await prepared(`[database]\nurl = "${database.url("patch_owner")}"`);
  await using manager = new Manager(box.command("web"));
  const { address } = await manager.line("server.listening");
  assert.match(address!, /127\.0\.0\.1:\d+/);
  const started = await manager.line("server.started");
  assert.ok(started.duration_ms! > 0);
  assert.equal(started.message, "main gave up net, write, env, ffi");
  assert.match((await manager.line("database.single_login")).message!, /could read sessions/);

  const { path } = await manager.line("initial_password.written") as { path?: string };
  assert.equal(path, `${box.folder}/state/initial-password`);
  assert.equal((await Deno.stat(path!)).mode! & 0o777, 0o600);
  const password = (await Deno.readTextFile(path!)).trim();
  assert.ok(password.length >= 12 && !JSON.stringify(manager.lines).includes(password), "the password is in the log");

  await box.write(box.text.replace("[server]", '[server]\nnames = ["localhost"]'));
  manager.kill("SIGHUP");
  await manager.line("config.reloaded");
  await box.write(box.text.replace("port = 0", "port = 8444"));
  manager.kill("SIGHUP");
  assert.match((await manager.line("config.restart_needed")).message!, /restart/);
  await box.write("[server]\nprot = 1");
  manager.kill("SIGHUP");
  assert.match(
    (await manager.line("config.refused")).message!,
    /The running one stays\. .*config\.toml:2: server\.prot/,
  );

  manager.kill("SIGTERM");
  manager.kill("SIGINT");
  await manager.line("server.stopped");
  assert.equal(await manager.code(), 0);
  assert.equal(await manager.stderr, "");
});

Deno.test("three logins: the start does not say that anything is given up", async () => {
  await using database = await testDatabase();
  const urls = (["owner", "web", "fleet"] as const).map((who) => `${who}_url = "${database.url(`patch_${who}`)}"`);
  await using box = await prepared(`[database]\n${urls.join("\n")}`);
  await using manager = new Manager(box.command("web"));
  await manager.line("server.started");
  assert.ok(!manager.lines.some(({ event }) => event === "database.single_login"));
  manager.kill("SIGINT");
  assert.equal(await manager.code(), 0);
  await using again = new Manager(box.command("web"));
  await again.line("server.started");
  assert.ok(!again.lines.some(({ event }) => event === "initial_password.written"), "one first admin is enough");
  again.kill("SIGTERM");
  assert.equal(await again.code(), 0);
});

Deno.test("both roles in one process, then each in its own", async () => {
  await using database = await testDatabase();
  const urls = (["owner", "web", "fleet"] as const).map((who) => `${who}_url = "${database.url(`patch_${who}`)}"`);
  await using box = await prepared(`[database]\n${urls.join("\n")}`);
  {
    await using both = new Manager(box.command());
    await both.line("server.started");
    both.kill("SIGTERM");
    assert.equal(await both.code(), 0, JSON.stringify(both.lines));
    assert.equal(await both.stderr, "");
  }
  await using web = new Manager(box.command("web"));
  await using fleet = new Manager(box.command("fleet"));
  await Promise.all([web.line("server.started"), fleet.line("server.started")]);
  fleet.kill("SIGTERM");
  web.kill("SIGTERM");
  assert.deepEqual([await web.code(), await fleet.code()], [0, 0]);
});

Deno.test("verify says that a fresh chain is intact, and names the row that was changed", async () => {
  await using database = await testDatabase();
  await using box = await prepared(`[database]\nurl = "${database.url("patch_owner")}"`);
  {
    await using manager = new Manager(box.command("web"));
    await manager.line("server.started");
    manager.kill("SIGTERM");
    await manager.code();
  }
  const verify = async () => {
    const { command, args, env } = box.command("web");
    const words = args.map((arg) => arg === "serve" ? "verify" : arg).filter((arg) =>
      arg !== "--role" && arg !== "web"
    );
    const { code, stdout } = await new Deno.Command(command, { args: words, env, clearEnv: true }).output();
    return { code, said: new TextDecoder().decode(stdout) };
  };
  const intact = await verify();
  assert.equal(intact.code, 0);
  assert.match(
    intact.said,
    /^The audit log is intact, \d+ rows?\.\nCheckpoints outside of the database prove it up to row \d+\.\n$/,
  );
  await database.sql`update audit_log set payload = payload || '\\x20'::bytea where seq = 1`;
  const broken = await verify();
  assert.equal(broken.code, 1);
  assert.match(broken.said, /^The audit log is broken at row 1: /);
});

Deno.test("a database that is not there ends the start with words", async () => {
  await using box = await prepared('[database]\nurl = "postgres://u:geheim@127.0.0.1:1/x"');
  await using manager = new Manager(box.command());
  const { message } = await manager.line("server.start_failed");
  assert.match(message!, /127\.0\.0\.1:1/);
  assert.ok(!message!.includes("geheim"));
  assert.equal(await manager.code(), 1);
});

Deno.test("main, started as in production, may not run programs, and reads only what it was given", async () => {
  await using box = await prepared('[database]\nurl = "postgres://u@127.0.0.1:1/x"');
  const { command, args, env } = box.command();
  const probe = `${box.folder}/state/probe.ts`;
  await Deno.writeTextFile(
    probe,
    `
    const attempt = (work) => { try { work(); return "allowed"; } catch (thrown) { return thrown.name; } };
    console.log(JSON.stringify({
      run: attempt(() => new Deno.Command("/bin/true").outputSync()),
      passwd: attempt(() => Deno.readTextFileSync("/etc/passwd")),
      write: attempt(() => Deno.writeTextFileSync("${box.folder}/new", "")),
      code: attempt(() => Deno.writeTextFileSync("${PROGRAM.root}/new.ts", "")),
      sys: attempt(() => Deno.hostname()),
      ffi: attempt(() => Deno.dlopen("libc.so.6", {})),
      config: attempt(() => Deno.readTextFileSync("${box.file}")),
      state: attempt(() => Deno.writeTextFileSync("${box.folder}/state/new", "")),
    }));`,
  );
  const flags = args.slice(0, args.findIndex((arg) => arg.endsWith("/main.ts")));
  assert.ok(!flags.some((flag) => /^(-A|--allow-all|--allow-(run|sys|import))/.test(flag)), flags.join(" "));
  const { stdout, stderr } = await new Deno.Command(command, { args: [...flags, probe], env, clearEnv: true }).output();
  const said = new TextDecoder();
  const refused = { run: 0, passwd: 0, write: 0, code: 0, sys: 0, ffi: 0 };
  assert.deepEqual(
    JSON.parse(said.decode(stdout) || said.decode(stderr)),
    {
      ...Object.fromEntries(Object.keys(refused).map((name) => [name, "NotCapable"])),
      config: "allowed",
      state: "allowed",
    },
  );
});
