import assert from "node:assert/strict";
import { createServer as createTcpServer } from "node:net";
import { type Clock, systemClock } from "../core/clock.ts";
import { freePort } from "../testing/free_port.ts";
import { listening } from "../testing/tls.ts";
import { testFolder } from "../testing/test_folder.ts";
import { createKeyAndRequest, storeIdentity, writeWhole } from "./certificates.ts";
import { examine } from "./doctor.ts";
import type { DoctorOptions, Finding } from "./doctor_finding.ts";
import { startTestManager, type TestManager } from "./enrol_fixture_test.ts";
import { keepFormer, pendingRequest } from "./renewal_files.ts";
import { listOf, names } from "./renewal_fixture_test.ts";
import { CRL_FILE } from "./revocation.ts";
import { readAddressRules } from "./server/manager_addresses.ts";
import { startTestAgent } from "./server/server_fixture_test.ts";

interface Scene extends AsyncDisposable {
  folder: string;
  manager: TestManager;
  options: DoctorOptions;
  look(change?: Partial<DoctorOptions>): Promise<Map<string, Finding>>;
  /** Stands in for the root side: answers every call with this health. */
  executor(health: unknown): void;
}

/** A host where all is well: enrolled, its manager up, its root side answering. */
async function healthyHost(): Promise<Scene> {
  const manager = await startTestManager();
  const folder = await testFolder("doctor-");
  const state = `${folder.path}/state`;
  const run = `${folder.path}/run`;
  await Deno.mkdir(state, { mode: 0o700 });
  await Deno.mkdir(run, { mode: 0o750 });
  await storeIdentity(state, { ca: manager.pki.ca, ...await manager.pki.agent([names.address], [names.fqdn]) });
  const enrolment = { manager: `${manager.url}/`, ...names, port: 12443, manager_addresses: ["127.0.0.1"] };
  await writeWhole(`${state}/enrolment.json`, JSON.stringify(enrolment));
  await writeWhole(`${state}/${CRL_FILE}`, await listOf(manager.pki, [], 1n));
  const executor = `${run}/executor.sock`;
  const listener = Deno.listen({ transport: "unix", path: executor });
  let health: unknown = { status: "healthy", checks: { package_manager: "ok" }, cache_status: "fresh" };
  void (async () => {
    for await (const connection of listener) {
      const reader = connection.readable.pipeThrough(new TextDecoderStream()).getReader();
      const { id } = JSON.parse((await reader.read()).value ?? "{}");
      const lines = [{ id, piece: JSON.stringify(health) }, { id, end: true }];
      await connection.write(new TextEncoder().encode(lines.map((line) => JSON.stringify(line) + "\n").join("")));
    }
  })().catch(() => {});
  const options: DoctorOptions = {
    ...{ state, executor, rules: readAddressRules([]), clock: systemClock, runtime: "2.9.6" },
    listen: { hostname: "127.0.0.1", port: freePort("127.0.0.1") },
  };
  return {
    ...{ folder: folder.path, manager, options },
    look: async (change = {}) =>
      new Map((await examine({ ...options, ...change })).map((finding) => [finding.check, finding])),
    executor: (next) => health = next,
    async [Symbol.asyncDispose]() {
      listener.close();
      await manager[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const shifted = (days: number): Clock => ({ now: () => systemClock.now().add({ hours: days * 24 }) });
/** The state folder of a test that root runs is root's. */
const root = Deno.uid() === 0;

Deno.test("a host where all is well", async () => {
  await using host = await healthyHost();
  const findings = await host.look();
  for (const [check, { state, message }] of findings) {
    assert.equal(state, root && check === "user" ? "problem" : "ok", `${check}: ${message}`);
    assert.match(message, /\.$|auto$|: \//, check);
  }
  assert.deepEqual([...findings.keys()], [
    ...["runtime", "folder", "user", "files", "certificate", "revocation_list", "manager", "clock", "addresses"],
    ...["port", "socket", "executor"],
  ]);
  const before = [...Deno.readDirSync(host.options.state)].map(({ name }) =>
    [name, Deno.statSync(`${host.options.state}/${name}`).mtime?.getTime()].join()
  );
  await host.look();
  const after = [...Deno.readDirSync(host.options.state)].map(({ name }) =>
    [name, Deno.statSync(`${host.options.state}/${name}`).mtime?.getTime()].join()
  );
  assert.deepEqual(after, before, "it changes nothing");
});

type Trouble = [
  what: string,
  make: (host: Scene) => Promise<Partial<DoctorOptions> | void> | Partial<DoctorOptions> | void,
  check: string,
  words: RegExp,
];
const state = (host: Scene) => host.options.state;
const troubles: Trouble[] = [
  ["an old runtime", () => ({ runtime: "2.8.99" }), "runtime", /too old/],
  ["a very old runtime", () => ({ runtime: "1.46.3" }), "runtime", /too old/],
  ["an open folder", (host) => Deno.chmod(state(host), 0o755), "folder", /0755: others can get in. Run: chmod 0700/],
  ["no folder", (host) => ({ state: `${host.folder}/none` }), "folder", /Run: patch-agent enrol/],
  ["a file for a folder", (host) => ({ state: `${state(host)}/identity.pem` }), "folder", /not a folder/],
  ["an open key", (host) => Deno.chmod(`${state(host)}/identity.pem`, 0o640), "files", /0640. Run: chmod 0600/],
  ["a folder among the files", (host) => Deno.mkdir(`${state(host)}/x`), "files", /not a plain file/],
  ["no identity", (host) => Deno.remove(`${state(host)}/identity.pem`), "certificate", /not enrolled/],
  [
    "a damaged identity",
    (host) => Deno.writeTextFile(`${state(host)}/identity.pem`, "x"),
    "certificate",
    /does not hold one key/,
  ],
  [
    "no enrolment record",
    (host) => Deno.remove(`${state(host)}/enrolment.json`),
    "certificate",
    /Run: patch-agent enrol/,
  ],
  [
    "another key",
    async (host) =>
      await storeIdentity(state(host), {
        ca: host.manager.pki.ca,
        certificate: (await host.manager.pki.agent([names.address])).certificate,
        key: (await createKeyAndRequest("x")).key_pem,
      }),
    "certificate",
    /another key/,
  ],
  [
    "a certificate of another name",
    async (host) =>
      await storeIdentity(state(host), { ca: host.manager.pki.ca, ...await host.manager.pki.agent(["10.0.0.1"]) }),
    "certificate",
    /names neither web1\.example/,
  ],
  ["a certificate that ended", () => ({ clock: shifted(91) }), "certificate", /expired .* Enrol this host again/],
  [
    "a certificate that ends soon",
    () => ({ clock: shifted(80) }),
    "certificate",
    /ends at .* should have been renewed/,
  ],
  [
    "a certificate that is revoked",
    async (host) => {
      const pair = await host.manager.pki.agent([names.address]);
      await storeIdentity(state(host), { ca: host.manager.pki.ca, ...pair });
      const { X509Certificate } = await import("node:crypto");
      const serial = new X509Certificate(pair.certificate).serialNumber.toLowerCase();
      await writeWhole(`${state(host)}/${CRL_FILE}`, await listOf(host.manager.pki, [serial], 2n));
    },
    "certificate",
    /has revoked this host's/,
  ],
  ["no list", (host) => Deno.remove(`${state(host)}/${CRL_FILE}`), "revocation_list", /is missing/],
  ["a damaged list", (host) => Deno.writeTextFile(`${state(host)}/${CRL_FILE}`, "x"), "revocation_list", /not a list/],
  ["a list that ended", () => ({ clock: shifted(8) }), "revocation_list", /ended at/],
  [
    "a list of two days ago",
    (host) => {
      const then = systemClock.now().subtract({ hours: 48 }).epochMilliseconds / 1000;
      return Deno.utime(`${state(host)}/${CRL_FILE}`, then, then);
    },
    "revocation_list",
    /48 hours ago/,
  ],
  ["a manager that is down", (host) => host.manager[Symbol.asyncDispose](), "manager", /cannot be reached/],
  [
    "a manager that is ill",
    (host) => void host.manager.override.set("GET /api/v1/pki/crl.pem", () => ({ status: 503, body: "" })),
    "manager",
    /answered 503/,
  ],
  ["a clock of tomorrow", () => ({ clock: shifted(1) }), "clock", /differs from the manager's by 864\d\d s. Set it/],
  ["nobody may connect", () => ({ rules: { any: false, manager: false, networks: [] } }), "addresses", /No address/],
  ["no socket", (host) => ({ executor: `${host.folder}/run/none.sock` }), "socket", /root side does not run/],
  ["no folder of the socket", () => ({ executor: "/nowhere/x.sock" }), "socket", /root side does not run/],
  ["a file for a socket", (host) => ({ executor: `${state(host)}/identity.pem` }), "socket", /is not a socket/],
  [
    "a socket for everybody",
    async (host) => {
      await Deno.chmod(`${host.folder}/run`, 0o755);
      await Deno.chmod(host.options.executor, 0o666);
    },
    "socket",
    /Every user of this machine can order updates/,
  ],
  [
    "an interrupted package manager",
    (host) =>
      host.executor({ status: "degraded", checks: { package_manager: "interrupted" }, problems: ["dpkg stopped."] }),
    "executor",
    /is interrupted. dpkg stopped/,
  ],
  ["a full disk", (host) => host.executor({ status: "degraded", problems: ["/var is full."] }), "executor", /is full/],
  ["a root side that talks nonsense", (host) => host.executor({ status: 17 }), "executor", /not as agreed/],
  [
    "an address that is not this machine's",
    () => ({ listen: { hostname: "192.0.2.1", port: 1 } }),
    "port",
    /Nobody can listen on 192\.0\.2\.1:1|cannot be reached/,
  ],
];

Deno.test("each trouble is found and named", async (t) => {
  for (const [what, make, check, words] of troubles) {
    await t.step(what, async () => {
      await using host = await healthyHost();
      const finding = (await host.look((await make(host)) ?? {})).get(check);
      assert.equal(finding?.state, "problem", finding?.message ?? "there is no such finding");
      assert.match(finding!.message, words);
    });
  }
});

Deno.test("the port: ours, another certificate, another protocol, dropped", async (t) => {
  await using host = await healthyHost();
  const pair = await host.manager.pki.agent([names.address], [names.fqdn]);
  const at = (port: number) => ({ listen: { hostname: "127.0.0.1", port } });
  await t.step("ours, whoever asks", async () => {
    await using agent = await startTestAgent({
      pki: host.manager.pki,
      credentials: { ca: host.manager.pki.ca, ...pair },
    });
    const other = (await host.look(at(agent.server.port))).get("port")!;
    assert.equal(other.state, "problem");
    assert.match(other.message, /another certificate/);
    await storeIdentity(host.options.state, { ca: host.manager.pki.ca, ...pair });
    const own = (await host.look({ listen: { hostname: "0.0.0.0", port: agent.server.port } })).get("port")!;
    assert.equal(own.state, "ok");
    assert.match(own.message, /agent listens on 127\.0\.0\.1:\d+, with this host's certificate/);
  });
  await t.step("ours, and this address is not allowed", async () => {
    await using agent = await startTestAgent({ allowed: { allows: () => false } });
    assert.match((await host.look(at(agent.server.port))).get("port")!.message, /drops this address without an answer/);
  });
  await t.step("another protocol", async () => {
    await using server = await listening(createTcpServer((socket) => socket.write("220 ready\r\n")));
    assert.equal((await host.look(at(server.port))).get("port")!.state, "problem");
  });
});

Deno.test("what a renewal has left is said, and is no problem", async () => {
  await using host = await healthyHost();
  await pendingRequest(host.options.state, names.fqdn, systemClock);
  assert.match((await host.look()).get("renewal")!.message, /waits for the manager since 0 minutes/);
  await keepFormer(host.options.state, { ca: host.manager.pki.ca, ...await host.manager.pki.agent() });
  assert.match((await host.look()).get("renewal")!.message, /was not used by the manager yet/);
});
