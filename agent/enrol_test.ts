import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type Clock, systemClock } from "../core/clock.ts";
import { hasIdentity, IdentityError, loadIdentity, prepareState } from "./certificates.ts";
import { testFolder } from "../testing/test_folder.ts";
import { enrol, EnrolError, type EnrolOptions, loadEnrolment } from "./enrol.ts";
import { startTestManager, type TestManager } from "./enrol_fixture_test.ts";
import { hashMachineId } from "./enrol_machine.ts";
import { ManagerError, PinnedManager } from "./enrol_manager.ts";
import { makePki } from "./server/server_fixture_test.ts";

const machine = { machine_id_hash: hashMachineId("0".repeat(32)), os_details: { distro: "Test" } };

/** Time that passes as fast as it is slept. */
function fastTime() {
  let passed = 0;
  const clock: Clock = { now: () => systemClock.now().add({ milliseconds: passed }) };
  const sleep = (milliseconds: number) => {
    passed += milliseconds;
    return Promise.resolve();
  };
  return { clock, sleep, passed: () => passed };
}

async function attempt(manager: TestManager, more: Partial<EnrolOptions> = {}, fingerprint = manager.fingerprint) {
  const state = more.state ?? await Deno.makeTempDir({ dir: "/var/tmp", prefix: "enrol-" });
  const time = fastTime();
  const options = {
    token: null,
    fqdn: "web1.example",
    address: "127.0.0.1",
    port: 12443,
    machine,
    clock: time.clock,
    wait_ms: 60_000,
    sleep: time.sleep,
    ...more,
    state,
  };
  return {
    state,
    time,
    run: async () =>
      await enrol({
        ...options,
        manager: more.manager ?? await PinnedManager.open(manager.url, fingerprint, options.clock),
      }),
    async [Symbol.asyncDispose]() {
      // Two attempts may share a folder.
      await Deno.remove(state, { recursive: true }).catch(() => {});
    },
  };
}

Deno.test("with a token: own key, certificate for our names, everything only ours to read", async () => {
  await using manager = await startTestManager();
  manager.tokens.add("one-time-token-1");
  await using one = await attempt(manager, { token: "one-time-token-1" });
  const credentials = await one.run();
  const certificate = new X509Certificate(credentials.certificate);
  assert.match(certificate.subjectAltName!, /DNS:web1\.example, IP Address:127\.0\.0\.1/);
  const sent = JSON.stringify(manager.requests);
  assert.doesNotMatch(sent, /PRIVATE KEY/, "the key never leaves");
  assert.equal(manager.requests[0].machine_id, machine.machine_id_hash);
  assert.equal(manager.requests[0].port, 12443);
  for (const entry of Deno.readDirSync(one.state)) {
    assert.equal(Deno.statSync(`${one.state}/${entry.name}`).mode! & 0o777, 0o600, entry.name);
  }
  assert.equal(Deno.statSync(one.state).mode! & 0o777, 0o700);
  assert.deepEqual([...Deno.readDirSync(one.state)].map((entry) => entry.name).sort(), [
    "crl.pem",
    "enrolment.json",
    "identity.pem",
  ]);
  assert.deepEqual(await loadIdentity(one.state, systemClock), {
    key: credentials.key,
    certificate: credentials.certificate,
    ca: credentials.ca.trim() + "\n",
  });
  const enrolment = await loadEnrolment(one.state);
  assert.equal(enrolment.manager, manager.url + "/");
  assert.deepEqual(enrolment.manager_addresses, ["127.0.0.1"], "who may connect from then on");
});

Deno.test("without a token: waits for a person, says so once, asks less and less often", async () => {
  await using manager = await startTestManager();
  manager.approve = "no";
  let said = 0;
  await using one = await attempt(manager, { on_waiting: () => said++, wait_ms: 3_600_000 });
  let polls = 0;
  manager.override.set("GET /api/v1/enroll/status/", () => {
    if (++polls === 20) manager.approve = "yes";
    return polls === 3 ? "cut" : polls === 4 ? { status: 503, body: "" } : null;
  });
  await one.run();
  assert.equal(said, 1);
  assert.ok(one.time.passed() > 300_000, "pauses grow");
});

Deno.test("an interrupted wait goes on with the same request", async () => {
  await using manager = await startTestManager();
  manager.approve = "no";
  await using first = await attempt(manager, { wait_ms: 10_000 });
  await assert.rejects(first.run(), (error: EnrolError) => error.problem === "timeout");
  manager.approve = "yes";
  await using second = await attempt(manager, { state: first.state });
  await second.run();
  assert.equal(manager.requests.length, 1);
  assert.ok(await hasIdentity(first.state));
});

Deno.test("whatever is wrong ends with its own words, and nothing is kept", async (t) => {
  const other = await makePki();
  const foreign = await other.agent(["127.0.0.1"], ["web1.example"]);
  interface Case {
    what: string;
    problem: string;
    says: RegExp;
    arrange?: (manager: TestManager) => void | Promise<void>;
    options?: Partial<EnrolOptions>;
    fingerprint?: string;
    /** The call that must not have happened. */
    never?: string;
  }
  const approved = (change: Record<string, unknown>) => (manager: TestManager) => {
    manager.override.set("GET /api/v1/enroll/status/", () => ({
      status: 200,
      body: { status: "approved", ca_crt: manager.pki.ca, server_crt: foreign.certificate, crl_pem: null, ...change },
    }));
  };
  const cases: Case[] = [
    {
      what: "wrong fingerprint",
      problem: "fingerprint",
      says: /somebody is in between/,
      fingerprint: "ab".repeat(32),
      never: "POST /api/v1/enroll",
    },
    {
      what: "no fingerprint",
      problem: "fingerprint",
      says: /64 hexadecimal/,
      fingerprint: "abc",
      never: "GET /api/v1/ca/root.crt",
    },
    {
      what: "root certificate of another authority",
      problem: "fingerprint",
      says: /another fingerprint/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/ca/root.crt", () => ({ status: 200, body: other.ca })),
      never: "POST /api/v1/enroll",
    },
    {
      what: "root certificate that is garbage",
      problem: "answer",
      says: /one root certificate/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/ca/root.crt", () => ({ status: 200, body: "hello" })),
    },
    {
      what: "two root certificates",
      problem: "answer",
      says: /one root certificate/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/ca/root.crt", () => ({ status: 200, body: manager.pki.ca + other.ca })),
    },
    {
      what: "endless root certificate",
      problem: "answer",
      says: /larger than 64 KiB/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/ca/root.crt", () => ({ status: 200, body: "x".repeat(200_000) })),
    },
    {
      what: "no such page",
      problem: "answer",
      says: /answered 404/,
      arrange: (manager) => void manager.override.set("GET /api/v1/ca/root.crt", () => ({ status: 404, body: "" })),
    },
    {
      what: "connection cut",
      problem: "unreachable",
      says: /cannot be reached/,
      arrange: (manager) => void manager.override.set("GET /api/v1/ca/root.crt", () => "cut"),
    },
    {
      what: "unknown token",
      problem: "token_refused",
      says: /unknown, expired or used.*It says: This token is not valid/,
      options: { token: "not-known-here" },
    },
    {
      what: "already enrolled, with control characters in the words",
      problem: "already_enrolled",
      says: /enrolled already\. It says: a b$/,
      arrange: (manager) =>
        void manager.override.set(
          "POST /api/v1/enroll",
          () => ({ status: 409, body: { error: { message: "a\u001b\u0007b" } } }),
        ),
    },
    {
      what: "too many",
      problem: "rate_limited",
      says: /no more enrolments now/,
      arrange: (manager) =>
        void manager.override.set(
          "POST /api/v1/enroll",
          () => ({ status: 429, body: {}, headers: { "retry-after": "30" } }),
        ),
    },
    {
      what: "server error",
      problem: "refused",
      says: /\(500\)/,
      arrange: (manager) => void manager.override.set("POST /api/v1/enroll", () => ({ status: 500, body: "<html>" })),
    },
    {
      what: "huge answer",
      problem: "answer",
      says: /larger than 512 KiB/,
      arrange: (manager) =>
        void manager.override.set("POST /api/v1/enroll", () => ({ status: 202, body: "x".repeat(1_000_000) })),
    },
    {
      what: "answer that is no JSON",
      problem: "answer",
      says: /not valid JSON/,
      arrange: (manager) => void manager.override.set("POST /api/v1/enroll", () => ({ status: 202, body: "{" })),
    },
    {
      what: "polling token that is a path",
      problem: "answer",
      says: /not that of an enrolment/,
      arrange: (manager) =>
        void manager.override.set(
          "POST /api/v1/enroll",
          () => ({ status: 202, body: { polling_token: "../../../../hosts" } }),
        ),
    },
    { what: "denied", problem: "denied", says: /denied/, arrange: (manager) => void (manager.approve = "denied") },
    {
      what: "forgotten",
      problem: "not_found",
      says: /already collected/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/enroll/status/", () => ({ status: 200, body: { status: "notfound" } })),
    },
    {
      what: "nobody approves",
      problem: "timeout",
      says: /within 1 minutes/,
      arrange: (manager) => void (manager.approve = "no"),
    },
    {
      what: "status of another kind",
      problem: "answer",
      says: /not that of an enrolment/,
      arrange: (manager) =>
        void manager.override.set("GET /api/v1/enroll/status/", () => ({ status: 200, body: { status: "maybe" } })),
    },
    { what: "certificate for another key", problem: "certificate", says: /another key/, arrange: approved({}) },
    {
      what: "another root at the end",
      problem: "certificate",
      says: /another root/,
      arrange: approved({ ca_crt: other.ca }),
    },
    {
      what: "root that is garbage at the end",
      problem: "certificate",
      says: /another root/,
      arrange: approved({ ca_crt: "x" }),
    },
    {
      what: "certificate that is garbage",
      problem: "certificate",
      says: /not a certificate/,
      arrange: approved({ server_crt: "x" }),
    },
  ];
  for (const one of cases) {
    await t.step(one.what, async () => {
      await using manager = await startTestManager();
      await one.arrange?.(manager);
      await using trial = await attempt(manager, one.options, one.fingerprint);
      await assert.rejects(trial.run(), (error: EnrolError | ManagerError) => {
        assert.ok(error instanceof EnrolError || error instanceof ManagerError, String(error));
        assert.equal(error.problem, one.problem, error.message);
        assert.match(error.message, one.says);
        if (one.options?.token) assert.ok(!error.message.includes(one.options.token), "no token in an error");
        return true;
      });
      assert.equal(await hasIdentity(trial.state), false);
      if (one.never) assert.ok(!manager.calls.includes(one.never), manager.calls.join());
    });
  }
});

Deno.test("a certificate for other names is refused", async () => {
  await using manager = await startTestManager();
  const names = { fqdn: "db1.example", address: "127.0.0.9" };
  const pinned = await PinnedManager.open(manager.url, manager.fingerprint, systemClock);
  const call = pinned.call.bind(pinned);
  // As if the manager's record had other names than we asked for.
  pinned.call = (path, options) => {
    if (!options?.body) return call(path, options);
    return call(path, { ...options, body: { ...options.body, fqdn: "evil.example", ip_address: "127.0.0.66" } });
  };
  await using trial = await attempt(manager, { ...names, manager: pinned });
  await assert.rejects(trial.run(), /names neither db1\.example nor 127\.0\.0\.9/);
  assert.equal(await hasIdentity(trial.state), false);
});

Deno.test("a folder that others can read is refused", async () => {
  await using manager = await startTestManager();
  await using trial = await attempt(manager);
  await Deno.chmod(trial.state, 0o755);
  await assert.rejects(trial.run(), (error: IdentityError) => /chmod 0700/.test(error.message));
  assert.equal(manager.requests.length, 0, "nothing was asked");
  await Deno.chmod(trial.state, 0o700);
  await trial.run();
  await Deno.chmod(`${trial.state}/identity.pem`, 0o644);
  await assert.rejects(loadIdentity(trial.state, systemClock), /chmod 0600/);
  await Deno.chmod(`${trial.state}/identity.pem`, 0o600);
  await Deno.writeTextFile(`${trial.state}/identity.pem`, "x");
  await assert.rejects(loadIdentity(trial.state, systemClock), /Enrol this host again/);
});

Deno.test("an enrolment from before addresses were kept is read, a damaged one is not", async () => {
  await using one = await testFolder("enrol-");
  const path = `${one.path}/enrolment.json`;
  const old = { manager: "https://m.example:8443/", fqdn: "a.example", address: "10.0.0.1", port: 12443 };
  await Deno.writeTextFile(path, JSON.stringify(old));
  assert.deepEqual(await loadEnrolment(one.path), { ...old, manager_addresses: [] });
  for (const bad of ["", "{}", JSON.stringify({ ...old, manager_addresses: "all" })]) {
    await Deno.writeTextFile(path, bad);
    await assert.rejects(loadEnrolment(one.path), IdentityError);
  }
});

const root = Deno.uid() === 0;
Deno.test({
  name: `root does not write into a folder of somebody else${root ? "" : " (left out: only root could)"}`,
  ignore: !root,
  fn: foreignFolder,
});

async function foreignFolder(): Promise<void> {
  await using folder = await testFolder("enrol-");
  const state = `${folder.path}/state`;
  await Deno.mkdir(state, { mode: 0o700 });
  await Deno.chown(state, 65_534, 65_534);
  await assert.rejects(prepareState(state), /belongs to another user \(uid 65534\).*runuser -u patch-agent/);
  assert.deepEqual([...Deno.readDirSync(state)], [], "it left nothing there");
  await Deno.chown(state, 0, 0);
  await prepareState(state);
}
