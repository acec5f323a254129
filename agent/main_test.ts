import assert from "node:assert/strict";
import { freePort } from "../testing/free_port.ts";
import { startTestManager, type TestManager } from "./enrol_fixture_test.ts";
import {
  doctorPermissions,
  enrolPermissions,
  permissionFlags,
  renewPermissions,
  serverPermissions,
  simulatorPermissions,
} from "./permissions_server.ts";
import { issueFor, shownSerial } from "./renewal_fixture_test.ts";
import { Client } from "./server/server_fixture_test.ts";

const script = new URL("./main.ts", import.meta.url).pathname;
const config = new URL("../deno.json", import.meta.url).pathname;

/** Runs to its end. */
async function run(flags: string[], args: string[], input = "", env: Record<string, string> = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--config", config, ...flags, script, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env,
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Starts and waits for the line that says that it serves. */
function start(flags: string[], args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--config", config, ...flags, script, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  // deno-lint-ignore no-explicit-any
  const line = async (event: string): Promise<any> => {
    for (;;) {
      const found = text.split("\n").slice(0, -1).map((one) => JSON.parse(one)).find((one) => one.event === event);
      if (found) return found;
      const { value, done } = await reader.read();
      if (done) throw new Error(`it ended without ${event}: ${text}`);
      text += value;
    }
  };
  let ended = false;
  const status = child.status.finally(() => ended = true);
  return {
    child,
    line,
    output: () => text,
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      assert.deepEqual((await status).code, 0, text);
      while (!(await reader.read()).done);
    },
  };
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "agent-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const authority = (manager: TestManager) => new URL(manager.url).host;

async function enrolInto(folder: string, manager: TestManager, token: string, input: "stdin" | "env") {
  await Deno.mkdir(`${folder}/root/etc`, { recursive: true });
  await Deno.writeTextFile(`${folder}/root/etc/machine-id`, "0123456789abcdef0123456789abcdef\n");
  await Deno.writeTextFile(`${folder}/root/etc/os-release`, "NAME=Test\nVERSION_ID=1\n");
  await Deno.mkdir(`${folder}/state`, { mode: 0o700, recursive: true });
  const flags = permissionFlags(
    enrolPermissions({ manager: authority(manager), state: `${folder}/state`, root: `${folder}/root` }),
  );
  const args = ["enrol", "--manager", manager.url, "--ca-fingerprint", manager.fingerprint];
  // The command that the manager prints names no address: it is the one that this host has towards it.
  if (input !== "stdin") args.push("--address", "127.0.0.1");
  args.push("--fqdn", "web1.example", "--state", `${folder}/state`, "--root", `${folder}/root`);
  return input === "stdin"
    ? await run(flags, [...args, "--token", "-"], `${token}\n`)
    : await run(flags, args, "", { PATCH_AGENT_TOKEN: token });
}

Deno.test("enrol, serve, answer, reload, stop: each with its own permissions only", async () => {
  await using manager = await startTestManager();
  await withFolder(async (folder) => {
    manager.tokens.add("one-time-token-1");
    const enrolled = await enrolInto(folder, manager, "one-time-token-1", "stdin");
    assert.equal(enrolled.code, 0, enrolled.err);
    const { event, address } = JSON.parse(enrolled.out);
    assert.deepEqual([event, address], ["agent.enrolled", "127.0.0.1"]);
    assert.doesNotMatch(enrolled.out + enrolled.err, /one-time-token-1/);

    const port = freePort("127.0.0.1");
    const socket = `${folder}/executor.sock`;
    const met = Promise.withResolvers<void>();
    const root_side = Deno.listen({ transport: "unix", path: socket });
    void (async () => {
      for await (const connection of root_side) {
        met.resolve();
        connection.close();
      }
    })().catch(() => {});
    const listen = `127.0.0.1:${port}`;
    const flags = permissionFlags(
      serverPermissions({ listen, manager: authority(manager), state: `${folder}/state`, executor: socket }),
    );
    {
      await using agent = start(flags, [
        ...["serve", "--listen", listen, "--state", `${folder}/state`, "--executor", socket],
        ...["--allow", "127.0.0.0/8"],
      ]);
      assert.equal((await agent.line("agent.serving")).address, listen);
      const client = new Client(port, { ca: manager.pki.ca, ...await manager.pki.manager() });
      const health = await client.call("GET", "/health");
      assert.equal(health.status, 200, health.text);
      // The socket is there and hangs up: the right to use it is, an executor is not.
      assert.doesNotMatch(health.text, /NotCapable|Requires/);
      await met.promise;
      assert.equal(health.json.data.status, "degraded");
      assert.match(health.json.data.problems.join(), /patch-executor/);
      await assert.rejects(new Client(port, { ca: manager.pki.ca }).call("GET", "/health"));
      agent.child.kill("SIGHUP");
      await agent.line("agent.reloaded");
      assert.equal((await client.call("GET", "/health")).json.data.crl_status, "valid");
    }
    {
      // Without --allow: the manager's own address is this one, as its address was seen at the enrolment.
      await using agent = start(flags, [
        "serve",
        "--listen",
        listen,
        "--state",
        `${folder}/state`,
        "--executor",
        socket,
      ]);
      await agent.line("agent.serving");
      assert.match((await agent.line("agent.allowed")).message, /^Connections from 127\.0\.0\.1\.$/);
      const client = new Client(port, { ca: manager.pki.ca, ...await manager.pki.manager() });
      const request = await client.call("POST", "/api/v1/certificate/csr");
      assert.match(request.json.data.csr_pem, /BEGIN CERTIFICATE REQUEST/);
      const options = { listen, manager: authority(manager), state: `${folder}/state`, executor: socket };
      const doctor = await run(permissionFlags(doctorPermissions(options)), [
        ...["doctor", "--listen", listen, "--state", options.state, "--executor", socket, "--json"],
      ]);
      const { findings } = JSON.parse(doctor.out);
      const told = new Map<string, { state: string; message: string }>(
        findings.map((one: { check: string; state: string; message: string }) => [one.check, one]),
      );
      for (
        const check of ["runtime", "folder", "files", "certificate", "revocation_list", "manager", "clock", "port"]
      ) {
        assert.equal(told.get(check)?.state, "ok", `${check}: ${told.get(check)?.message}`);
      }
      assert.match(told.get("port")!.message, /with this host's certificate/);
      assert.match(told.get("renewal")!.message, /waits for the manager/);
      assert.equal(told.get("executor")?.state, "problem", "its socket hangs up");
      assert.equal(doctor.code, 1);
      assert.doesNotMatch(doctor.out + doctor.err, /NotCapable|Requires|PRIVATE KEY/);
      const renew = await run(permissionFlags(renewPermissions(options)), ["renew", "--state", options.state]);
      assert.equal(renew.code, 0, renew.err);
      assert.match(renew.out, /has asked for a new certificate/);
      const events = client.socket();
      assert.equal((await events.next()).event, "connected");
      const issued = await issueFor(manager.pki, request.json.data.csr_pem);
      const renewed = await client.call("PUT", "/api/v1/certificate", { server_crt: issued.certificate_pem });
      assert.equal(renewed.status, 200, renewed.text);
      assert.equal((await client.call("GET", "/health")).status, 200);
      assert.equal((await agent.line("certificate.confirmed")).message, `The manager uses serial ${issued.serial}.`);
      assert.equal(await shownSerial(port, client.identity), issued.serial);
      assert.equal(events.raw.readyState, events.raw.OPEN, "no connection was dropped");
      await events.end();
    }
    {
      // 127.0.0.0/8 is not in it, so this machine's own address is out.
      await using agent = start(flags, [
        ...["serve", "--listen", listen, "--state", `${folder}/state`, "--executor", socket],
        ...["--allow", "10.0.0.0/8,192.0.2.1"],
      ]);
      await agent.line("agent.serving");
      const client = new Client(port, { ca: manager.pki.ca, ...await manager.pki.manager() });
      await assert.rejects(client.call("GET", "/health"));
      assert.match((await agent.line("peer.refused")).message, /--allow/);
    }
    root_side.close();
    {
      await using agent = start(flags, ["serve", "--listen", listen, "--state", `${folder}/state`, "--simulated"]);
      await agent.line("agent.serving");
      const client = new Client(port, { ca: manager.pki.ca, ...await manager.pki.manager() });
      assert.equal((await client.call("GET", "/health")).json.data.agent.simulated, true);
    }
  });
});

Deno.test("a refused enrolment says why, exits 1 and keeps no identity", async () => {
  await using manager = await startTestManager();
  await withFolder(async (folder) => {
    const result = await enrolInto(folder, manager, "not-a-good-token", "env");
    assert.equal(result.code, 1);
    assert.match(result.err, /does not take this token/);
    assert.doesNotMatch(result.err + result.out, /not-a-good-token|\.ts:/);
    await assert.rejects(Deno.stat(`${folder}/state/identity.pem`));
  });
});

Deno.test("a simulated fleet: one token each, one address each, kept over a restart, grown with new hosts only", async () => {
  await using manager = await startTestManager();
  await withFolder(async (folder) => {
    const tokens = Array.from({ length: 5 }, () => crypto.randomUUID());
    for (const token of tokens) manager.tokens.add(token);
    await Deno.writeTextFile(`${folder}/tokens`, tokens.join("\n") + "\n");
    await Deno.mkdir(`${folder}/state`, { mode: 0o700 });
    const port = freePort("127.91.0.1");
    const flags = permissionFlags(simulatorPermissions({
      network: `127.91.0.0/16:${port}`,
      manager: authority(manager),
      state: `${folder}/state`,
      tokens: `${folder}/tokens`,
    }));
    const args = (hosts: number) => [
      ...["simulate", "--hosts", String(hosts), "--state", `${folder}/state`, "--manager", manager.url, "--calm"],
      ...["--ca-fingerprint", manager.fingerprint, "--tokens", `${folder}/tokens`, "--port", String(port)],
      ...["--base-address", "127.91.0.0"],
    ];
    const identity = { ca: manager.pki.ca, ...await manager.pki.manager() };
    const names = async (count: number) => {
      const found: string[] = [];
      for (let i = 1; i <= count; i++) {
        const client = new Client(port, identity, `127.91.0.${i}`);
        assert.equal((await client.call("GET", "/health")).json.data.agent.simulated, true);
        found.push((await client.call("GET", "/api/v1/system/info")).json.data.machine_id_hash);
        await assert.rejects(new Client(port, { ca: manager.pki.ca }, `127.91.0.${i}`).call("GET", "/health"));
      }
      return found;
    };
    let first: string[];
    {
      await using fleet = start(flags, args(3));
      assert.equal((await fleet.line("agent.serving")).count, 3);
      first = await names(3);
      const socket = new Client(port, identity, "127.91.0.1").socket();
      assert.equal((await socket.next()).event, "connected");
      await socket.end();
      assert.equal(new Set(first).size, 3);
      assert.deepEqual(manager.requests.map((one) => one.machine_id).sort(), first.toSorted());
    }
    {
      await using fleet = start(flags, args(5));
      await fleet.line("agent.serving");
      assert.deepEqual((await names(5)).slice(0, 3), first, "the same hosts at the same addresses");
    }
    assert.equal(manager.requests.length, 5, "each enrolled once");
    assert.equal(manager.tokens.size, 0);
    const other = await run(flags, [...args(3), "--seed", "9"]);
    assert.equal(other.code, 1);
    assert.match(other.out, /another seed/);
  });
});

Deno.test("the network side can do nothing else", async (t) => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/state`);
    const flags = permissionFlags(serverPermissions({
      listen: "127.0.0.1:12443",
      manager: "127.0.0.1:8443",
      state: `${folder}/state`,
      executor: `${folder}/executor.sock`,
    }));
    const probes: Record<string, string> = {
      "run a program": `new Deno.Command("/usr/bin/id").outputSync()`,
      "run a program through node": `(await import("node:child_process")).execFileSync("/usr/bin/id")`,
      "read /etc/shadow": `Deno.readTextFileSync("/etc/shadow")`,
      "read the machine id": `Deno.readTextFileSync("/etc/machine-id")`,
      "read beside its folder": `Deno.readDirSync(${JSON.stringify(folder)}).next()`,
      "read /proc": `Deno.readTextFileSync("/proc/self/environ")`,
      "write to /tmp": `Deno.writeTextFileSync("/tmp/patch-agent-probe", "")`,
      "listen elsewhere": `Deno.listen({ hostname: "127.0.0.1", port: 12444 })`,
      "connect elsewhere": `await Deno.connect({ hostname: "127.0.0.1", port: 22 })`,
      "another unix socket": `await Deno.connect({ transport: "unix", path: "/run/dbus/system_bus_socket" })`,
      "read the environment": `Deno.env.get("PATH")`,
      "load a library": `Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})`,
      "ask for the user": `Deno.uid()`,
    };
    const code = Object.entries(probes).map(([what, probe]) =>
      `try { ${probe}; console.log(${JSON.stringify(what)} + ": allowed") }
       catch (error) { console.log(${JSON.stringify(what)} + ": " + error.name + " " + (error.code ?? "")) }`
    ).join("\n");
    await Deno.writeTextFile(`${folder}/probe.ts`, code);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-config", ...flags, `${folder}/probe.ts`],
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assert.equal(lines.length, Object.keys(probes).length, new TextDecoder().decode(stderr));
    for (const line of lines) {
      await t.step(line.split(":")[0], () => assert.match(line, /: (NotCapable|Error (EACCES|ERR_ACCESS_DENIED)) ?/));
    }
  });
});

Deno.test("each command gives up what it must not have, whatever it was started with", async (t) => {
  await withFolder(async (folder) => {
    const given_back = {
      serve: ["run", "ffi", "sys", "env"],
      simulate: ["run", "ffi"],
      enrol: ["run", "ffi"],
      renew: ["net", "write", "run", "ffi", "sys"],
      doctor: ["run", "ffi", "sys"],
    };
    for (const [command, names] of Object.entries(given_back)) {
      await t.step(command, async () => {
        const probe = `import { main } from ${JSON.stringify(script)};
          await main([${JSON.stringify(command)}, "--no-such-option"]);
          for (const name of ${
          JSON.stringify(names)
        } as const) console.log(Deno.permissions.querySync({ name }).state);`;
        await Deno.writeTextFile(`${folder}/${command}.ts`, probe);
        const { stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-q", "--config", config, "--no-prompt", "-A", `${folder}/${command}.ts`],
        }).output();
        assert.deepEqual(new TextDecoder().decode(stdout).trim().split("\n"), names.map(() => "prompt"));
      });
    }
  });
});

Deno.test("help for one command after it, for all without", async () => {
  const one = await run([], ["enrol", "--help"]);
  assert.deepEqual([one.code, one.err], [0, ""]);
  assert.match(one.out, /--ca-fingerprint HEX/);
  assert.doesNotMatch(one.out, /simulate/);
  const all = await run([], ["--help"]);
  assert.match(all.out, /simulate/);
});

Deno.test("called wrongly: what is, what is expected, exit 2", async () => {
  for (
    const args of [[], ["dance"], ["serve", "--colour"], ["serve", "--allow", "10.1"], ["renew", "--now"], [
      "simulate",
      "--hosts",
      "1",
    ]]
  ) {
    const result = await run(["-A", "--no-prompt"], args);
    assert.equal(result.code, 2, args.join(" "));
    assert.match(result.err, /patch-agent COMMAND/);
  }
  const version = await run(["--no-prompt"], ["version"]);
  assert.match(version.out, /^patch-agent \d+\.\d+\.\d+\n$/);
  assert.match((await run(["--no-prompt"], ["help"])).out, /enrol/);
});

Deno.test("not enrolled: serve says what to do", async () => {
  await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o700);
    const result = await run(["-A", "--no-prompt"], ["serve", "--state", folder, "--listen", "127.0.0.1:0"]);
    assert.equal(result.code, 1);
    assert.match(result.out, /Run: patch-agent enrol/);
    for (const command of ["renew", "doctor"]) {
      const other = await run(["-A", "--no-prompt"], [command, "--state", folder]);
      assert.equal(other.code, 1);
      assert.match(other.out + other.err, /Run: patch-agent enrol/);
    }
  });
});

Deno.test("list talks to nobody", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/list.ts`,
      `import { main } from ${JSON.stringify(script)};
       console.log(await main(["list", "--root", "/nowhere"]));
       for (const name of ["net", "write", "env", "ffi", "sys"] as const) console.log(Deno.permissions.querySync({ name }).state);`,
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--config", config, "--no-prompt", "-A", `${folder}/list.ts`],
      stderr: "null",
    }).output();
    assert.deepEqual(new TextDecoder().decode(stdout).trim().split("\n"), ["2", ...Array(5).fill("prompt")]);
  });
});
