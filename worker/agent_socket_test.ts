import assert from "node:assert/strict";
import https from "node:https";
import type { TLSSocket } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import type { JobEvent } from "../protocol/api.ts";
import { clientCheckedTlsOptions } from "../protocol/listener.ts";
import { listening, makeAuthority, makeLeaf, makeManager } from "../testing/tls.ts";
import { AgentError, createAgentClient, type EventHandlers } from "./agent_client.ts";

const root = await makeAuthority();
const manager = await makeManager(root);
const good = await makeLeaf(root, { addresses: ["127.0.0.1"] });

interface Options {
  on_socket?: (socket: WebSocket, tls: TLSSocket) => void;
  /** False: the server never answers a ping. */
  pong?: boolean;
}

async function eventServer({ on_socket, pong = true }: Options) {
  const server = https.createServer(
    clientCheckedTlsOptions({ ca: root.ca, ...good }),
    (_request, response) => void response.writeHead(404).end(),
  );
  const sockets = new WebSocketServer({ server, path: "/api/v1/ws/jobs", autoPong: pong });
  sockets.on("connection", (socket, request) => on_socket?.(socket, request.socket as TLSSocket));
  return await listening(server);
}

function setUp(revoked = new Set<string>()) {
  return createAgentClient({
    ca: root.ca,
    client_cert: manager.certificate,
    client_key: manager.key,
    revoked,
    clock: systemClock,
    log: silentLog,
    connect_timeout_ms: 1_000,
  });
}

const host = (port: number) => ({ id: "h", address: "127.0.0.1", port, tls_name: null });
const quiet: EventHandlers = { on_message: () => {} };

Deno.test("events arrive in order, the first one included, and a goodbye ends the socket without a reason", async () => {
  const asked = Promise.withResolvers<string>();
  await using agent = await eventServer({
    on_socket: (socket, tls) => {
      socket.send(JSON.stringify({ event: "connected", message: tls.getProtocol() }));
      socket.on("message", (data) => {
        asked.resolve(String(data));
        socket.send(JSON.stringify({ event: "job_status", job_id: "j", status: "running", seq: 1, later: true }));
      });
    },
  });
  const events: JobEvent[] = [];
  const second = Promise.withResolvers<void>();
  const ended: (AgentError | null)[] = [];
  const socket = await setUp().openEvents(host(agent.port), {
    on_message: (event) => {
      events.push(event);
      if (events.length === 2) second.resolve();
    },
    on_close: (reason) => ended.push(reason),
  });
  socket.subscribe("j");
  await second.promise;
  assert.equal(await asked.promise, '{"action":"subscribe","job_id":"j"}');
  assert.deepEqual(events, [
    { event: "connected", message: "TLSv1.3" },
    { event: "job_status", job_id: "j", status: "running", seq: 1 },
  ]);
  socket.close();
  assert.equal(await socket.closed, null);
  assert.deepEqual(ended, [null]);
});

const hostile: { name: string; act: (socket: WebSocket) => void; kind: string; words: RegExp }[] = [
  { name: "text that is no JSON", act: (socket) => socket.send("{"), kind: "malformed", words: /cannot be read/ },
  {
    name: "bytes",
    act: (socket) => socket.send(Uint8Array.of(1, 2, 3)),
    kind: "malformed",
    words: /not text/,
  },
  {
    name: "an event that does not exist",
    act: (socket) => socket.send('{"event":"reboot_everything"}'),
    kind: "schema",
    words: /does not know/,
  },
  {
    name: "an event of 300 KiB",
    act: (socket) => socket.send(JSON.stringify({ event: "error", message: "a".repeat(300 * 1024) })),
    kind: "too_large",
    words: /larger than 256 KiB/,
  },
  {
    name: "more events than allowed",
    act: (socket) => {
      for (let i = 0; i < 60; i++) socket.send('{"event":"job_status","job_id":"j"}');
    },
    kind: "too_large",
    words: /more events/,
  },
  {
    name: "a frame that breaks the protocol",
    act: (socket) => (socket as unknown as { _socket: TLSSocket })._socket.write(Uint8Array.of(0xf7, 0x00)),
    kind: "malformed",
    words: /does not follow the protocol/,
  },
  {
    name: "nothing and breaks off",
    act: (socket) => socket.once("message", () => socket.terminate()),
    kind: "closed",
    words: /broke off/,
  },
];
for (const { name, act, kind, words } of hostile) {
  Deno.test(`a host that sends ${name} loses its socket for that`, async () => {
    await using agent = await eventServer({ on_socket: (socket) => act(socket) });
    let heard = 0;
    const socket = await setUp().openEvents(host(agent.port), { on_message: () => heard++, max_events: 50 });
    socket.subscribe("j");
    const reason = await socket.closed;
    assert.equal(reason?.kind, kind, `${reason?.message}`);
    assert.match(reason!.message, words);
    assert.ok(heard <= 50);
  });
}

Deno.test("a socket whose pings are not answered is given up, one that answers is kept", async () => {
  let pings = 0;
  await using dead = await eventServer({ pong: false, on_socket: (socket) => socket.on("ping", () => pings++) });
  const socket = await setUp().openEvents(host(dead.port), { ...quiet, ping_interval_ms: 20 });
  assert.equal((await socket.closed)?.kind, "timeout");
  assert.equal(pings, 2);

  const many = Promise.withResolvers<void>();
  let answered = 0;
  await using alive = await eventServer({
    on_socket: (socket) => socket.on("ping", () => ++answered === 6 && many.resolve()),
  });
  const kept = await setUp().openEvents(host(alive.port), { ...quiet, ping_interval_ms: 20 });
  await many.promise;
  kept.close();
  assert.equal(await kept.closed, null);
});

Deno.test("a host that is revoked while its socket is open loses it", async () => {
  await using agent = await eventServer({});
  const revoked = new Set<string>();
  const socket = await setUp(revoked).openEvents(host(agent.port), { ...quiet, ping_interval_ms: 20 });
  revoked.add(good.serial);
  assert.equal((await socket.closed)?.kind, "revoked");
});

Deno.test("a host without an event socket is told", async () => {
  await using agent = await listening(
    https.createServer(
      clientCheckedTlsOptions({ ca: root.ca, ...good }),
      (_request, response) => void response.writeHead(404).end(),
    ),
  );
  const error = await setUp().openEvents(host(agent.port), quiet).then(() => null, (error) => error);
  assert.ok(error instanceof AgentError, String(error));
  assert.equal(error.message, "The host has no event socket: it answered HTTP 404.");
});

Deno.test("a host with a foreign certificate gets no socket, in the same words as for a request", async () => {
  const foreign = await makeLeaf(await makeAuthority(), { addresses: ["127.0.0.1"] });
  await using agent = await listening(https.createServer(clientCheckedTlsOptions({ ca: root.ca, ...foreign })));
  const error = await setUp().openEvents(host(agent.port), quiet).then(() => null, (error) => error);
  assert.equal(error.kind, "tls");
  assert.match(error.message, /^Certificate was not issued by this manager's certificate authority/);
});

Deno.test("a host that never answers the upgrade is given up in time", async () => {
  await using agent = await listening(https.createServer(clientCheckedTlsOptions({ ca: root.ca, ...good }), () => {}));
  const error = await setUp().openEvents(host(agent.port), quiet).then(() => null, (error) => error);
  assert.equal(error.kind, "timeout", error.message);
});

Deno.test("the caller's signal ends an open socket; new credentials and close do too", async () => {
  await using agent = await eventServer({});
  const control = new AbortController();
  const first = await setUp().openEvents(host(agent.port), { ...quiet, signal: control.signal });
  control.abort();
  assert.equal(await first.closed, null);

  const client = setUp();
  const second = await client.openEvents(host(agent.port), quiet);
  const third = await client.openEvents(host(agent.port), quiet);
  client.swapCredentials({ client_cert: manager.certificate, client_key: manager.key });
  assert.deepEqual(await Promise.all([second.closed, third.closed]), [null, null]);
  const fourth = await client.openEvents(host(agent.port), quiet);
  client.close();
  assert.equal(await fourth.closed, null);
});
