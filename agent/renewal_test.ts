import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { X509Certificate } from "node:crypto";
import { systemClock } from "../core/clock.ts";
import { CertificateSigningRequest } from "../protocol/api.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createKeyAndRequest, readIfThere } from "./certificates.ts";
import { issueFor, listOf, type RenewingAgent, startRenewingAgent } from "./renewal_fixture_test.ts";
import { type Answered, makePki } from "./server/server_fixture_test.ts";

const CSR = "/api/v1/certificate/csr";
const shifted = (days: number) => ({ now: () => systemClock.now().add({ hours: days * 24 }) });

async function request(agent: RenewingAgent): Promise<string> {
  const answer = await agent.client.call("POST", CSR);
  assert.equal(answer.status, 200, answer.text);
  assert.doesNotMatch(answer.text, /PRIVATE KEY/);
  return CertificateSigningRequest.parse(answer.json.data).csr_pem;
}

const put = (agent: RenewingAgent, body: unknown) => agent.client.call("PUT", "/api/v1/certificate", body);
const names = (agent: RenewingAgent) => [...Deno.readDirSync(agent.state)].map((one) => one.name).sort();

/** How often it was found that nothing can be decided. */
const decisions = (agent: RenewingAgent) => agent.events.filter((event) => event === "certificate.unconfirmed").length;

function refused(answer: Answered, field: string, words: RegExp): void {
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.json.error.code, "VALIDATION_ERROR");
  assert.match(answer.json.error.message, words);
  assert.deepEqual(answer.json.error.details.problems.map((one: { field: string }) => one.field), [field]);
}

Deno.test("what the manager sends is checked, and changes nothing unless it holds", async (t) => {
  await using agent = await startRenewingAgent();
  const { pki } = agent;
  const other = await makePki();
  const before = await agent.shown();
  await t.step("without a request", async () => {
    const issued = await issueFor(pki, (await createKeyAndRequest("x")).csr_pem);
    refused(await put(agent, { server_crt: issued.certificate_pem }), "server_crt", /No request waits/);
  });
  const csr = await request(agent);
  const good = await issueFor(pki, csr);
  const revoked = await issueFor(pki, csr);
  const old_list = await listOf(pki, [], 5n);
  assert.equal(
    (await agent.client.call("PUT", "/api/v1/crl", { crl_pem: await listOf(pki, ["cd".repeat(16)], 6n) })).status,
    200,
  );
  const cases: [what: string, make: () => Promise<unknown> | unknown, field: string, words: RegExp][] = [
    ["nothing", () => ({}), "server_crt", /server_crt/],
    ["no certificate", () => ({ server_crt: "x" }), "server_crt", /not exactly one certificate/],
    ["two", () => ({ server_crt: good.certificate_pem.repeat(2) }), "server_crt", /not exactly one/],
    [
      "damaged",
      () => ({ server_crt: good.certificate_pem.replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA") }),
      "server_crt",
      /not a certificate|not issued|another key/,
    ],
    [
      "for another key",
      async () => ({ server_crt: (await issueFor(pki, (await createKeyAndRequest("x")).csr_pem)).certificate_pem }),
      "server_crt",
      /another key/,
    ],
    [
      "of another root",
      async () => ({ server_crt: (await issueFor(other, csr)).certificate_pem }),
      "server_crt",
      /not issued by/,
    ],
    [
      "for other names",
      async () => ({
        server_crt: (await issueFor(pki, csr, { dns: ["db1.example"], addresses: ["10.0.0.1"] })).certificate_pem,
      }),
      "server_crt",
      /names neither web1\.example nor 127\.0\.0\.1/,
    ],
    [
      "expired",
      async () => ({ server_crt: (await issueFor(pki, csr, { clock: shifted(-100) })).certificate_pem }),
      "server_crt",
      /expired/,
    ],
    [
      "of tomorrow",
      async () => ({ server_crt: (await issueFor(pki, csr, { clock: shifted(2) })).certificate_pem }),
      "server_crt",
      /only valid from/,
    ],
    [
      "older than ours",
      async () => ({ server_crt: (await issueFor(pki, csr, { clock: shifted(-10) })).certificate_pem }),
      "server_crt",
      /older than the one in use/,
    ],
    ["the root", () => ({ server_crt: pki.ca }), "server_crt", /another key/],
    [
      "another root beside it",
      () => ({ server_crt: good.certificate_pem, ca_chain: other.ca }),
      "ca_chain",
      /new enrolment/,
    ],
    [
      "both roots beside it",
      () => ({ server_crt: good.certificate_pem, ca_chain: pki.ca + "\n" + other.ca }),
      "ca_chain",
      /new enrolment/,
    ],
    ["a chain that is none", () => ({ server_crt: good.certificate_pem, ca_chain: "x" }), "ca_chain", /enrolment/],
    ["a list that is none", () => ({ server_crt: good.certificate_pem, crl_pem: "x" }), "crl_pem", /not a list/],
    [
      "a list of another root",
      async () => ({ server_crt: good.certificate_pem, crl_pem: await listOf(other, [], 9n) }),
      "crl_pem",
      /not signed by/,
    ],
    [
      "a list with itself on it",
      async () => ({ server_crt: revoked.certificate_pem, crl_pem: await listOf(pki, [revoked.serial], 9n) }),
      "server_crt",
      /is revoked/,
    ],
  ];
  const files = names(agent);
  for (const [what, make, field, words] of cases) {
    await t.step(what, async () => {
      refused(await put(agent, await make()), field, words);
      assert.deepEqual(names(agent), files);
      assert.equal(await agent.shown(), before);
    });
  }
  await t.step("the good one is still taken, with an older list than ours beside it, which is not", async () => {
    const answer = await put(agent, { server_crt: good.certificate_pem, ca_chain: pki.ca, crl_pem: old_list });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(await agent.shown(), good.serial);
    assert.equal(agent.revocation.has("cd".repeat(16)), true, "number 6 stays");
  });
});

Deno.test("a renewal: new key, shown at once, open connections go on, the former key goes after use", async () => {
  await using agent = await startRenewingAgent();
  const before = await agent.kept();
  const socket = agent.client.socket();
  await socket.next();
  const csr = await request(agent);
  assert.equal(await request(agent), csr, "a lost answer is asked for again");
  assert.notDeepEqual(
    new X509Certificate(before.certificate).publicKey.export({ format: "jwk" }),
    new X509Certificate((await issueFor(agent.pki, csr)).certificate_pem).publicKey.export({ format: "jwk" }),
  );
  const issued = await issueFor(agent.pki, csr);
  const body = {
    server_crt: issued.certificate_pem,
    ca_chain: agent.pki.ca,
    crl_pem: await listOf(agent.pki, ["ab".repeat(16)], 1n),
  };
  const answer = await put(agent, body);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.data.serial, issued.serial);
  assert.equal(answer.json.data.status, "installed");
  assert.match(answer.json.data.not_after, /Z$/);
  assert.equal(agent.revocation.has("ab".repeat(16)), true);
  for (const name of names(agent)) assert.equal(Deno.statSync(`${agent.state}/${name}`).mode! & 0o777, 0o600, name);
  assert.deepEqual(names(agent), ["crl.pem", "identity-former.pem", "identity.pem"]);
  // The client of a manager looks at names after the handshake, so a handshake alone confirms nothing.
  assert.equal(await agent.shown(), issued.serial);
  assert.ok(names(agent).includes("identity-former.pem"));
  assert.equal((await agent.client.call("GET", "/health")).status, 200);
  await waitFor("the confirmation", () => agent.events.includes("certificate.confirmed"));
  assert.deepEqual(names(agent), ["crl.pem", "identity.pem"]);
  assert.equal(socket.raw.readyState, socket.raw.OPEN, "the open socket was not dropped");
  const again = await put(agent, body);
  assert.deepEqual([again.status, again.json.data.status], [200, "unchanged"], "a lost answer is sent again");
  assert.notEqual(await request(agent), csr, "the next request has a new key");
  await socket.end();
});

Deno.test("a request on a connection from before the swap confirms nothing", async () => {
  await using agent = await startRenewingAgent();
  const { ca, certificate, key } = agent.client.identity;
  const early = connect({ host: "127.0.0.1", port: agent.port, ca, cert: certificate, key, minVersion: "TLSv1.3" });
  await new Promise((resolve) => early.once("secureConnect", resolve));
  const issued = await issueFor(agent.pki, await request(agent));
  assert.equal((await put(agent, { server_crt: issued.certificate_pem })).status, 200);
  early.write("GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  let text = "";
  early.on("data", (chunk) => text += chunk);
  await new Promise((resolve) => early.once("close", resolve));
  assert.match(text, /^HTTP\/1\.1 200/, "it was not dropped");
  assert.ok(names(agent).includes("identity-former.pem"));
  assert.equal(agent.events.includes("certificate.confirmed"), false);
});

Deno.test("the request that waits survives a restart, and so does the former key", async () => {
  await using agent = await startRenewingAgent();
  const csr = await request(agent);
  await agent.stop();
  await agent.start();
  assert.equal(agent.renewal.credentials.certificate, (await agent.kept()).certificate);
  assert.equal(await agent.renewal.request(), csr);
  const issued = await issueFor(agent.pki, csr);
  await agent.renewal.install({ server_crt: issued.certificate_pem });
  await agent.stop();
  await agent.start();
  assert.equal((await readIfThere(`${agent.state}/identity-former.pem`)) === null, false);
  agent.renewal.used(issued.serial.toUpperCase());
  await waitFor("the former key to go", async () => await readIfThere(`${agent.state}/identity-former.pem`) === null);
});

Deno.test("a request that nobody answered for a day gets another key", async () => {
  await using agent = await startRenewingAgent();
  const csr = await request(agent);
  const path = `${agent.state}/renewal-pending.json`;
  const pending = JSON.parse(await Deno.readTextFile(path));
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  await Deno.writeTextFile(path, JSON.stringify({ ...pending, created_ms: pending.created_ms - 23 * 3_600_000 }));
  assert.equal(await request(agent), csr);
  await Deno.writeTextFile(path, JSON.stringify({ ...pending, created_ms: pending.created_ms - 25 * 3_600_000 }));
  const fresh = await request(agent);
  assert.notEqual(fresh, csr);
  refused(
    await put(agent, { server_crt: (await issueFor(agent.pki, csr)).certificate_pem }),
    "server_crt",
    /another key/,
  );
  await Deno.writeTextFile(path, "damaged");
  assert.notEqual(await request(agent), fresh);
});

Deno.test("requests that meet get one key", async () => {
  await using agent = await startRenewingAgent();
  const all = await Promise.all(Array.from({ length: 8 }, () => request(agent)));
  assert.equal(new Set(all).size, 1);
});

Deno.test("a manager that comes and never asks anything: the former certificate comes back", async () => {
  await using agent = await startRenewingAgent({ confirm_ms: 300 });
  const former = await agent.shown();
  const issued = await issueFor(agent.pki, await request(agent));
  assert.equal((await put(agent, { server_crt: issued.certificate_pem })).status, 200);
  assert.equal(await agent.shown(), issued.serial);
  await waitFor("the rollback", () => agent.events.includes("certificate.rolled_back"));
  assert.equal(await agent.shown(), former);
  assert.equal(new X509Certificate((await agent.kept()).certificate).serialNumber.toLowerCase(), former);
  assert.deepEqual(names(agent), ["identity.pem"]);
  const health = (await agent.client.call("GET", "/health")).json.data;
  assert.match(health.problems.join("\n"), /did not use the new certificate .* shown again/);
});

Deno.test("failed handshakes are attempts too", async () => {
  await using agent = await startRenewingAgent({ confirm_ms: 300 });
  const issued = await issueFor(agent.pki, await request(agent));
  await put(agent, { server_crt: issued.certificate_pem });
  // Speaks no TLS at all; to the listener that is a handshake that failed.
  await new Promise((resolve) => {
    const socket = connectTcp(agent.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", resolve);
  });
  await waitFor("the rollback", () => agent.events.includes("certificate.rolled_back"));
});

Deno.test("when nobody comes the new certificate stays", async () => {
  await using agent = await startRenewingAgent({ confirm_ms: 20 });
  const issued = await issueFor(agent.pki, await request(agent));
  await agent.renewal.install({ server_crt: issued.certificate_pem });
  await waitFor("the end of two waits", () => decisions(agent) >= 2);
  assert.equal(agent.events.includes("certificate.rolled_back"), false);
  assert.equal(new X509Certificate((await agent.kept()).certificate).serialNumber.toLowerCase(), issued.serial);
  assert.ok(names(agent).includes("identity-former.pem"), "and may still be needed");
});

Deno.test("a former certificate that is revoked does not come back", async () => {
  await using agent = await startRenewingAgent({ confirm_ms: 100 });
  const former = await agent.shown();
  const issued = await issueFor(agent.pki, await request(agent));
  const crl_pem = await listOf(agent.pki, [former], 1n);
  await agent.renewal.install({ server_crt: issued.certificate_pem, crl_pem });
  agent.renewal.attempted();
  await waitFor("the end of the wait", () => decisions(agent) >= 1);
  assert.equal(await agent.shown(), issued.serial);
});
