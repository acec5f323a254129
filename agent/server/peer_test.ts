import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { createAllowList } from "../../protocol/listener.ts";
import { systemClock } from "../../core/clock.ts";
import { Client, makePki, type RunningAgent, startTestAgent, type TestPki } from "./server_fixture_test.ts";

const shifted = (days: number) => ({ now: () => systemClock.now().add({ hours: days * 24 }) });

/** Sends a request as soon as it can and answers every byte of HTTP that came back. */
function rawAnswer(agent: RunningAgent, identity: { ca: string; certificate?: string; key?: string }): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connectTls({
      host: "127.0.0.1",
      port: agent.server.port,
      ca: identity.ca,
      cert: identity.certificate,
      key: identity.key,
      minVersion: "TLSv1.3",
    });
    socket.on("secureConnect", () => socket.write("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    socket.on("data", (chunk) => heard += chunk);
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
  });
}

Deno.test("only the manager gets an answer; everybody else a closed connection", async (t) => {
  const pki = await makePki(shifted(-200));
  const other = await makePki();
  await using agent = await startTestAgent({ pki });
  const revoked = await pki.manager();
  agent.revoked.add(revoked.serial);
  const strangers: [string, () => Promise<{ certificate?: string; key?: string }>][] = [
    ["no certificate", () => Promise.resolve({})],
    ["a manager of another root", () => other.manager()],
    ["an expired manager", () => pki.manager(shifted(-100))],
    ["a manager of tomorrow", () => pki.manager(shifted(1))],
    ["a revoked manager", () => Promise.resolve(revoked)],
    ["another agent of the same root", () => pki.agent()],
    [
      "a root that signs for itself",
      async () => ({ ...await pki.manager(), certificate: (await other.manager()).certificate }),
    ],
  ];
  for (const [who, make] of strangers) {
    await t.step(who, async () => {
      const identity = { ca: pki.ca, ...await make() };
      assert.equal(await rawAnswer(agent, identity).catch(() => ""), "");
      await assert.rejects(new Client(agent.server.port, identity).call("GET", "/health"));
      const socket = new Client(agent.server.port, identity).socket();
      assert.notEqual(await socket.failed, "");
    });
  }
  await t.step("the manager", async () => {
    assert.match(await rawAnswer(agent, { ca: pki.ca, ...await pki.manager() }), /^HTTP\/1\.1 200 /);
  });
});

Deno.test("an address outside the allow-list does not even get a handshake", async () => {
  await using agent = await startTestAgent({ allowed: createAllowList(["10.0.0.0/8"]) });
  await assert.rejects(agent.client.call("GET", "/health"));
  const bytes = await new Promise<number>((resolve) => {
    let count = 0;
    const socket = connectTcp(agent.server.port, "127.0.0.1", () => socket.write("x"));
    socket.on("data", (chunk) => count += chunk.length);
    socket.on("error", () => {});
    socket.on("close", () => resolve(count));
  });
  assert.equal(bytes, 0);
});

Deno.test("TLS 1.2 is refused", async () => {
  await using agent = await startTestAgent();
  await assert.rejects(
    agent.client.call("GET", "/health", undefined, {}, { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }),
  );
});

Deno.test("a ticket of another listener of the process opens nothing", async () => {
  const pki = await makePki();
  await using first = await startTestAgent({ pki: await makePki() });
  await using second = await startTestAgent({ pki });
  // The same client context for both: what the first gave would be offered to the second.
  const identity = { ca: `${first.pki.ca}\n${pki.ca}`, ...await first.pki.manager() };
  const visit = (port: number) =>
    new Client(port, identity).call("GET", "/health", undefined, {}, { maxCachedSessions: 100 } as never);
  assert.equal((await visit(first.server.port)).status, 200);
  await assert.rejects(visit(second.server.port));
});

Deno.test("revoked while connected: the next request and the event socket end", async () => {
  const pki = await makePki();
  const manager = await pki.manager();
  await using agent = await startTestAgent({
    pki,
    sockets: { ping_ms: 20, gone_ms: 60_000, buffered: 2 ** 20, messages: 50 },
  });
  const client = new Client(agent.server.port, { ca: pki.ca, ...manager });
  const socket = client.socket();
  assert.equal((await socket.next()).event, "connected");
  agent.revoked.add(manager.serial);
  await socket.closed;
  await assert.rejects(client.call("GET", "/health"));
});

Deno.test("recheck cuts whoever is no longer welcome", async () => {
  const pki = await makePki();
  const manager = await pki.manager();
  await using agent = await startTestAgent({ pki });
  const socket = new Client(agent.server.port, { ca: pki.ca, ...manager }).socket();
  await socket.next();
  assert.equal(agent.server.recheck(), 0);
  agent.revoked.add(manager.serial);
  assert.equal(agent.server.recheck(), 1);
  await socket.closed;
});

Deno.test("a reload shows the new certificate, keeps the check, and refuses what does not fit", async () => {
  const pki: TestPki = await makePki();
  await using agent = await startTestAgent({ pki });
  const fresh = { ca: pki.ca, ...await pki.agent() };
  assert.throws(() => agent.server.reload({ ...fresh, key: agent.credentials.key }), /does not belong/);
  assert.throws(() => agent.server.reload({ ...fresh, certificate: "garbage" }), /not a certificate/);
  assert.equal((await agent.client.call("GET", "/health")).status, 200, "the old one still serves");
  agent.server.reload(fresh);
  const shown = await new Promise<string>((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port: agent.server.port, ...agent.client.tls() }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
  const { X509Certificate } = await import("node:crypto");
  assert.equal(shown, new X509Certificate(fresh.certificate).serialNumber);
  await assert.rejects(
    new Client(agent.server.port, { ca: pki.ca }).call("GET", "/health"),
    "still asks for a certificate",
  );
  await assert.rejects(
    agent.client.call("GET", "/health", undefined, {}, { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }),
    "still no TLS 1.2",
  );
});

Deno.test("a slow handshake costs a connection, not the agent", async () => {
  await using agent = await startTestAgent({
    traffic: { concurrent: 4, rate: 100, burst: 100, connections: 4, sockets: 2 },
  });
  const idle = await Promise.all([1, 2].map(() =>
    new Promise<ReturnType<typeof connectTcp>>((resolve) => {
      const socket = connectTcp(agent.server.port, "127.0.0.1", () => resolve(socket));
      socket.on("error", () => {});
    })
  ));
  assert.equal((await agent.client.call("GET", "/health")).status, 200);
  for (const socket of idle) socket.destroy();
});
