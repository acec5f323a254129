import assert from "node:assert/strict";
import https from "node:https";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { buildCrl } from "../core/ca/crl.ts";
import { MANAGER_IDENTITY as ISSUED_IDENTITY } from "../core/ca/types.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { daysFromNow, listening, makeAuthority, makeLeaf, makeManager, type TestPair } from "../testing/tls.ts";
import { waitFor } from "../testing/wait_for.ts";
import {
  clientCheckedTlsOptions,
  createAllowList,
  credentialsProblem,
  guardListener,
  type ListenerCredentials,
  swapContext,
} from "./listener.ts";
import { createPeerCheck, MANAGER_IDENTITY, type PeerCheck, readRevocationList } from "./peer.ts";

const root = await makeAuthority(daysFromNow(-200));
const foreign = await makeAuthority();
const manager = await makeManager(root);
const server_pair = await makeLeaf(root, { addresses: ["127.0.0.1"] });

interface Setup {
  revoked?: Set<string>;
  clock?: Clock;
  identity?: string;
  allowed?: string[];
  max_connections?: number;
}

/** A guarded listener that counts what reached its handlers and notes what was refused. */
async function guarded(
  { revoked = new Set(), clock = systemClock, identity = MANAGER_IDENTITY, allowed, max_connections }: Setup = {},
) {
  const credentials: ListenerCredentials = {
    ca: root.ca,
    certificate: server_pair.certificate,
    key: server_pair.key,
  };
  const served: string[] = [];
  const refused: string[] = [];
  const server = https.createServer(clientCheckedTlsOptions(credentials), (request, response) => {
    served.push(request.url!);
    response.end("served");
  });
  server.on("upgrade", (request, socket) => {
    served.push(`upgrade ${request.url}`);
    socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n");
  });
  let check: PeerCheck = createPeerCheck({ ca: root.ca, identity, revoked, clock });
  const guard = guardListener(server, {
    check: () => check,
    allowed: allowed ? createAllowList(allowed) : null,
    on_refused: (why) => refused.push(why),
    max_connections,
  });
  const at = await listening(server);
  return {
    ...at,
    [Symbol.asyncDispose]: at[Symbol.asyncDispose],
    guard,
    served,
    refused,
    credentials,
    setCheck: (next: PeerCheck) => check = next,
  };
}

interface Talk {
  /** Everything that the server sent. */
  text: string;
  shown: string;
}

/** Connects, sends a request, and answers what came until the server closed. Never throws: a cut is an answer too. */
function talk(port: number, pair: Partial<TestPair>, options: ConnectionOptions = {}, head = ""): Promise<Talk> {
  const { promise, resolve } = Promise.withResolvers<Talk>();
  const said: Talk = { text: "", shown: "" };
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port,
    ca: [root.ca, foreign.ca],
    cert: pair.certificate,
    key: pair.key,
    checkServerIdentity: () => undefined,
    ...options,
  });
  socket.on("data", (chunk) => said.text += chunk);
  socket.on("error", () => {});
  socket.once("secureConnect", () => {
    said.shown = socket.getPeerCertificate().serialNumber?.toLowerCase() ?? "";
    socket.write(`GET /v1 HTTP/1.1\r\nhost: a\r\n${head || "connection: close\r\n"}\r\n`);
  });
  socket.once("close", () => resolve(said));
  return promise;
}

Deno.test("issuer and check agree on the manager's identity", () => assert.equal(MANAGER_IDENTITY, ISSUED_IDENTITY));

Deno.test("the manager is served, its upgrade too", async () => {
  await using agent = await guarded();
  assert.match((await talk(agent.port, manager)).text, /served/);
  const upgraded = await talk(agent.port, manager, {}, "connection: upgrade\r\nupgrade: test\r\n");
  assert.match(upgraded.text, /^HTTP\/1\.1 101/);
  assert.deepEqual(agent.served, ["/v1", "upgrade /v1"]);
  assert.deepEqual(agent.refused, []);
});

const refusals: { name: string; pair: () => Promise<Partial<TestPair>>; setup?: Setup; why: string }[] = [
  { name: "no certificate", pair: () => Promise.resolve({}), why: "handshake_failed" },
  { name: "a certificate of another root", pair: () => makeManager(foreign), why: "handshake_failed" },
  { name: "an expired certificate", pair: () => makeManager(root, daysFromNow(-93)), why: "handshake_failed" },
  { name: "a certificate of the future", pair: () => makeManager(root, daysFromNow(2)), why: "handshake_failed" },
  {
    name: "the certificate of another host of the same root",
    pair: () => makeLeaf(root, { addresses: ["127.0.0.1"] }),
    why: "handshake_failed",
  },
  {
    name: "a client certificate with another identity",
    pair: () => Promise.resolve(manager),
    setup: { identity: "urn:somebody:else" },
    why: "wrong_identity",
  },
  {
    name: "a revoked certificate",
    pair: () => Promise.resolve(manager),
    setup: { revoked: new Set([manager.serial]) },
    why: "revoked",
  },
  {
    name: "a certificate that has expired by our clock",
    pair: () => Promise.resolve(manager),
    setup: { clock: daysFromNow(91) },
    why: "expired",
  },
  {
    name: "a certificate that is not valid yet by our clock",
    pair: () => Promise.resolve(manager),
    setup: { clock: daysFromNow(-1) },
    why: "not_yet_valid",
  },
  {
    name: "an address that is not allowed",
    pair: () => Promise.resolve(manager),
    setup: { allowed: ["10.0.0.0/8", "::1"] },
    why: "address_not_allowed",
  },
];
for (const { name, pair, setup, why } of refusals) {
  Deno.test(`a caller with ${name} is cut without an answer`, async () => {
    await using agent = await guarded(setup);
    const presented = await pair();
    for (const head of ["", "connection: upgrade\r\nupgrade: test\r\n"]) {
      assert.equal((await talk(agent.port, presented, {}, head)).text, "");
    }
    assert.deepEqual(agent.served, []);
    assert.ok(agent.refused.includes(why), agent.refused.join());
  });
}

Deno.test("TLS 1.2 is refused", async () => {
  await using agent = await guarded();
  const said = await talk(agent.port, manager, { maxVersion: "TLSv1.2" });
  assert.equal(said.text, "");
  assert.deepEqual(agent.served, []);
});

Deno.test("connections that stay open are checked again", async () => {
  const revoked = new Set<string>();
  await using agent = await guarded({ revoked });
  const open = talk(agent.port, manager, {}, "connection: keep-alive\r\n");
  await waitFor("the first answer", () => agent.served.length > 0);
  assert.equal(agent.guard.recheck(), 0);
  revoked.add(manager.serial);
  assert.equal(agent.guard.recheck(), 1);
  assert.match((await open).text, /served/);
  assert.deepEqual(agent.refused, ["revoked"]);
  assert.equal(agent.guard.recheck(), 0);
});

Deno.test("cut ends every open connection", async () => {
  await using agent = await guarded();
  const open = talk(agent.port, manager, {}, "connection: keep-alive\r\n");
  await waitFor("the first answer", () => agent.served.length > 0);
  agent.guard.cut();
  await open;
});

Deno.test("a swapped certificate is shown to new connections, with every option kept", async () => {
  await using agent = await guarded();
  assert.equal((await talk(agent.port, manager)).shown, server_pair.serial);
  const next = await makeLeaf(root, { addresses: ["127.0.0.1"] });
  swapContext(agent.server as https.Server, { ...agent.credentials, ...next }, systemClock);
  const after = await talk(agent.port, manager);
  assert.equal(after.shown, next.serial);
  assert.match(after.text, /served/);
  assert.equal((await talk(agent.port, manager, { maxVersion: "TLSv1.2" })).text, "");
  assert.equal((await talk(agent.port, {})).text, "");
  assert.equal(agent.served.length, 2);
});

Deno.test("after a swap of the root the old manager is out and the new one in", async () => {
  await using agent = await guarded();
  const pair = await makeLeaf(foreign, { addresses: ["127.0.0.1"] });
  assert.match((await talk(agent.port, manager)).text, /served/);
  swapContext(agent.server as https.Server, { ca: foreign.ca, ...pair }, systemClock);
  agent.setCheck(
    createPeerCheck({ ca: foreign.ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock }),
  );
  assert.equal((await talk(agent.port, manager)).text, "");
  assert.match((await talk(agent.port, await makeManager(foreign))).text, /served/);
});

const bad_credentials: { name: string; change: () => Promise<Partial<ListenerCredentials>>; words: RegExp }[] = [
  { name: "a damaged CA", change: () => Promise.resolve({ ca: "x" }), words: /CA certificate is not/ },
  { name: "a damaged certificate", change: () => Promise.resolve({ certificate: "x" }), words: /certificate is not/ },
  { name: "a damaged key", change: () => Promise.resolve({ key: "x" }), words: /key cannot be read/ },
  { name: "another key", change: () => Promise.resolve({ key: manager.key }), words: /does not belong/ },
  {
    name: "a certificate of another root",
    change: () => makeLeaf(foreign, { dns: ["a.example"] }),
    words: /not issued by the CA/,
  },
  {
    name: "an expired certificate",
    change: () => makeLeaf(root, { dns: ["a.example"] }, daysFromNow(-100)),
    words: /expired at/,
  },
  {
    name: "a certificate of the future",
    change: () => makeLeaf(root, { dns: ["a.example"] }, daysFromNow(2)),
    words: /only valid from/,
  },
];
for (const { name, change, words } of bad_credentials) {
  Deno.test(`a swap to ${name} is refused and changes nothing`, async () => {
    await using agent = await guarded();
    const bad = { ...agent.credentials, ...await change() };
    assert.throws(() => swapContext(agent.server as https.Server, bad, systemClock), words);
    assert.match(credentialsProblem(bad, systemClock) ?? "", words);
    assert.equal((await talk(agent.port, manager)).shown, server_pair.serial);
  });
}

Deno.test("more connections than allowed are cut", async () => {
  await using agent = await guarded({ max_connections: 1 });
  const open = talk(agent.port, manager, {}, "connection: keep-alive\r\n");
  await waitFor("the first answer", () => agent.served.length > 0);
  assert.equal((await talk(agent.port, manager)).text, "");
  agent.guard.cut();
  assert.match((await open).text, /served/);
});

Deno.test("allow-list: what is in, what is out", () => {
  const list = createAllowList(["10.0.0.0/8", "192.168.1.7", "fd00::/8", "2001:db8::1", "0.0.0.0/32"]);
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "192.168.1.7", "fd12::1", "2001:db8:0:0::1", "0.0.0.0"]) {
    assert.equal(list.allows(address), true, address);
  }
  const out = [
    "11.0.0.1",
    "192.168.1.8",
    "::ffff:11.0.0.1",
    "fe80::1",
    "2001:db8::2",
    "10.1",
    "167772161",
    "0x0a.0.0.1",
  ];
  for (const address of [...out, "", "localhost", undefined]) {
    assert.equal(list.allows(address), false, String(address));
  }
  assert.equal(createAllowList([]).allows("127.0.0.1"), false);
  assert.equal(createAllowList(["0.0.0.0/0"]).allows("8.8.8.8"), true);
});

const bad_rules = [
  "10.0.0.0/08",
  "10.0.0.0/33",
  "fd00::/129",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "10.0.0.0/-1",
  "10.0.0.0/8 ",
  "10.0.0.1/8",
  "fd00::1/8",
  "10.1",
  "167772161",
  "0x0a.0.0.0/8",
  "localhost",
  "",
  "/8",
  "*",
  "fe80::1%eth0",
  "1.2.3.4/+8",
  "::ffff:10.0.0.1/96",
];
for (const rule of bad_rules) {
  Deno.test(`allow-list: the rule ${JSON.stringify(rule)} is refused by name`, () => {
    assert.throws(() => createAllowList([rule]), (error: Error) => error.message.includes(JSON.stringify(rule)));
  });
}

Deno.test("a list of revoked certificates is read, and refused when it is not the root's", async () => {
  const entry = {
    serial: manager.serial,
    revoked_at: systemClock.now(),
    not_after: manager.issued.not_after,
    reason: "superseded" as const,
  };
  const crl = await buildCrl(root.authority, [entry], 200n, systemClock);
  const read = await readRevocationList(crl.pem, root.ca);
  assert.deepEqual([...read.serials], [manager.serial]);
  assert.equal(read.number, 200n);
  assert.equal(read.next_update?.epochMilliseconds, crl.next_update.epochMilliseconds);
  assert.equal(
    (await readRevocationList((await buildCrl(root.authority, [], 1n, systemClock)).pem, root.ca)).serials.size,
    0,
  );

  await assert.rejects(readRevocationList(crl.pem, foreign.ca), /not signed by this manager/);
  const middle = crl.der.slice();
  middle[middle.length - 3] ^= 1;
  const damaged = `-----BEGIN X509 CRL-----\n${middle.toBase64()}\n-----END X509 CRL-----\n`;
  await assert.rejects(readRevocationList(damaged, root.ca), /not signed by|damaged/);
  await assert.rejects(readRevocationList(root.ca, root.ca), /not a list/);
  await assert.rejects(
    readRevocationList("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", root.ca),
    /damaged/,
  );
  await assert.rejects(readRevocationList("x".repeat(5 * 1024 * 1024), root.ca), /larger than 4 MiB/);
});
