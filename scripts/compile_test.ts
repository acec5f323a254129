import assert from "node:assert/strict";
import https from "node:https";
import { enrolPermissions, permissionFlags, serverPermissions } from "../agent/permissions_server.ts";
import { makeTraits } from "../agent/backends/simulated/traits.ts";
import { systemClock } from "../core/clock.ts";
import { createEnrolmentTokens } from "../core/enrolment/create_enrolment_tokens.ts";
import { fingerprint } from "../core/ca/fingerprint.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { freePort } from "../testing/free_port.ts";
import { waitFor } from "../testing/wait_for.ts";
import { X509Certificate } from "node:crypto";

/** Of the invented host. */
const SEED = 7;
const ROOT = new URL("..", import.meta.url).pathname;
const base = Deno.env.get("DENORT_BIN");
const missing = base ? "" : " (left out: DENORT_BIN names no runtime base)";

/** The answer of the executable's own listener. The base may not enforce TLS, so nothing is claimed about it here. */
function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    https.get(url, { rejectUnauthorized: false, agent: false }, (answer) => {
      let body = "";
      answer.on("data", (part) => body += part).on("end", () => resolve({ status: answer.statusCode!, body }));
    }).on("error", reject);
  });
}

async function events(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  wanted: string,
): Promise<Record<string, string>> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const found = JSON.parse(line);
      if (found.event === wanted) return found;
      if (found.level === "error") throw new Error(line);
    }
  }
  throw new Error(`the executable ended without ${wanted}`);
}

/** Enrols a simulated host from the checkout at the executable, and waits until it was asked how it is. */
async function enrolAndPoll(database: TestDatabase, manager: string, port: number, folder: string): Promise<void> {
  const [admin] = await database.sql`select id from users`;
  const context = { actor: { kind: "system" as const }, address: null, request_id: null, clock: systemClock };
  const [{ token }] = await createEnrolmentTokens(database.sql, admin.id, {}, context);
  const root = new X509Certificate(await Deno.readTextFile(`${folder}/state/pki/root.crt`));
  const state = `${folder}/agent`;
  await Deno.mkdir(state, { mode: 0o700 });
  // It enrols as the machine that it will say it is.
  await Deno.mkdir(`${folder}/root/etc`, { recursive: true });
  await Deno.writeTextFile(`${folder}/root/etc/machine-id`, `${makeTraits(SEED, 0).machine_id}\n`);
  const agent = (flags: string[], args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...flags, `${ROOT}agent/main.ts`, ...args],
      env: { PATCH_AGENT_TOKEN: token },
      stdout: "null",
      stderr: "piped",
    }).spawn();
  const { host } = new URL(manager);
  const enrol = agent(permissionFlags(enrolPermissions({ manager: host, state, root: `${folder}/root` })), [
    ...["enrol", "--manager", manager, "--ca-fingerprint", await fingerprint(new Uint8Array(root.raw))],
    ...["--fqdn", "compiled.example", "--port", String(port), "--state", state, "--wait", "20"],
    ...["--root", `${folder}/root`],
  ]);
  const [{ code }, words] = await Promise.all([enrol.status, new Response(enrol.stderr).text()]);
  assert.equal(code, 0, words);
  const listen = `127.0.0.1:${port}`;
  const flags = permissionFlags(serverPermissions({ listen, manager: host, state, executor: `${state}/none.sock` }));
  const serving = agent(flags, ["serve", "--state", state, "--listen", listen, "--simulated", "--seed", String(SEED)]);
  const said = new Response(serving.stderr).text();
  try {
    const polled = async () => {
      const [found] = await database.sql`select health, health_reason, simulated from hosts`;
      return found.health === "healthy" && found.simulated;
    };
    await waitFor("the executable has polled the host", polled, { deadline_ms: 60_000 });
  } finally {
    serving.kill("SIGTERM");
    await serving.status;
    await said;
  }
}

Deno.test({
  name: `the executables start, migrate, show the login page and poll a host${missing}`,
  ignore: !base,
  // The log is read up to the line that is waited for, then the process is ended.
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-compile-" });
    try {
      const built = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", `${ROOT}scripts/compile.ts`, "--out", folder, "--test-build"],
        stdout: "null",
        stderr: "piped",
      }).output();
      assert.equal(built.code, 0, new TextDecoder().decode(built.stderr));
      await using database = await testDatabase();
      const agent_port = freePort();
      await Deno.writeTextFile(
        `${folder}/config.toml`,
        `[server]\nlisten = "127.0.0.1"\nport = 0\n[state]\ndirectory = "${folder}/state"\n[database]\n` +
          `url = "${database.url("patch_owner")}"\n[agents]\nnetworks = ["127.0.0.0/8"]\nports = [${agent_port}]\n`,
        { mode: 0o600 },
      );
      await Deno.mkdir(`${folder}/state`, { mode: 0o700 });
      const manager = new Deno.Command(`${folder}/patch-manager`, {
        args: ["serve", "--config", `${folder}/config.toml`],
        // Without node_modules and checkout in sight: everything comes out of the executable.
        cwd: "/",
        clearEnv: true,
        env: { TMPDIR: folder },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const errors = new Response(manager.stderr).text();
      try {
        const { address } = await events(manager.stdout, "server.listening");
        const { status, body } = await get(
          new URL("/login", address.includes("://") ? address : `https://${address}`).href,
        );
        assert.equal(status, 200);
        assert.match(body, /<input[^>]+type="password"/);
        await enrolAndPoll(database, `https://localhost:${new URL(address).port}`, agent_port, folder);
      } finally {
        manager.kill("SIGTERM");
        const { code } = await manager.status;
        assert.equal(code, 0, await errors);
      }
      assert.equal(await errors, "This is a test build: TLS is not enforced.\n");
      const agent = await new Deno.Command(`${folder}/patch-agent`, { args: ["version"] }).output();
      assert.match(new TextDecoder().decode(agent.stdout), /^patch-agent \d/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("a runtime base that cannot be had is said in words, exit code 3", async () => {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "pm-nobase-" });
  try {
    // A stand-in for the compiler in the one thing that cannot be made to happen at will: its download fails.
    const compiler = `${folder}/deno`;
    await Deno.writeTextFile(compiler, "#!/bin/sh\necho 'error: Failed to download denort' >&2\nexit 1\n", {
      mode: 0o700,
    });
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", `${ROOT}scripts/compile.ts`, "--out", folder],
      env: { COMPILE_DENO: compiler },
      stdout: "null",
    }).output();
    assert.match(new TextDecoder().decode(stderr), /runtime base could not be downloaded\. Set DENORT_BIN/);
    assert.equal(code, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
