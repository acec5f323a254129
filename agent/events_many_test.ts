import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:tls";
import { waitFor } from "../testing/wait_for.ts";
import type { HostJobEvent, HostOperations } from "./host_operations.ts";
import { type RunningAgent, startTestAgent } from "./server/server_fixture_test.ts";

const step = (seq: number, output: string): HostJobEvent => ({
  job_id: "01a1fd29-75ef-765b-b459-0be920b843c9",
  run_id: "r",
  seq,
  status: "running",
  phase: "install",
  progress_percent: 50,
  message: "",
  output,
  error: null,
  error_code: null,
  timestamp: "2026-01-01T00:00:00Z",
});

/** An agent whose steps a test tells. */
async function tellingAgent() {
  let tell: (event: HostJobEvent) => void = () => {};
  let watching = 0;
  const operations = {
    watch: (listener: (event: HostJobEvent) => void) => {
      tell = listener;
      watching++;
      return () => watching--;
    },
    health: () => Promise.resolve({ status: "healthy" }),
  } as unknown as HostOperations;
  const agent = await startTestAgent({
    operations,
    traffic: { concurrent: 64, rate: 1_000, burst: 1_000, connections: 128, sockets: 51 },
    sockets: { ping_ms: 60_000, gone_ms: 120_000, buffered: 256 * 1024, messages: 1_000 },
  });
  return { agent, tell: (event: HostJobEvent) => tell(event), watching: () => watching };
}

/** A TLS connection that has said its upgrade and then reads only what it is told to. */
async function rawSocket(agent: RunningAgent) {
  const { ca, certificate, key } = agent.client.identity;
  const { port } = agent.server;
  const socket = connect({ host: "127.0.0.1", port, ca, cert: certificate, key, minVersion: "TLSv1.3" });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  socket.write(
    "GET /api/v1/ws/jobs HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const heard: Uint8Array[] = [];
  const connected = Promise.withResolvers<void>();
  socket.on("data", (chunk: Uint8Array) => {
    heard.push(chunk);
    if (Buffer.concat(heard).includes("connected")) connected.resolve();
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await connected.promise;
  return { socket, closed };
}

/** A frame with a mask of zeros, which leaves the payload as it is. */
function frame(first: number, payload: Uint8Array, masked = true): Uint8Array {
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff];
  length[0] |= masked ? 0x80 : 0;
  return Buffer.concat([Uint8Array.from([first, ...length]), new Uint8Array(masked ? 4 : 0), payload]);
}

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("frames that break the protocol end that socket and nothing else", async (t) => {
  const { agent, tell } = await tellingAgent();
  await using _ = agent;
  const witness = agent.client.socket();
  await witness.next();
  const cases: [string, Uint8Array][] = [
    ["an unmasked frame", frame(0x81, text("{}"), false)],
    ["an unknown operation", frame(0x83, text("{}"))],
    ["reserved bits", frame(0xf1, text("{}"))],
    ["a continuation of nothing", frame(0x80, text("{}"))],
    ["a ping in pieces", frame(0x09, text("x"))],
    ["a ping that is too long", frame(0x89, new Uint8Array(200))],
    ["text that is not UTF-8", frame(0x81, Uint8Array.of(0xff, 0xfe))],
    ["a frame that is too long", frame(0x81, new Uint8Array(5_000))],
    ["a length of many gigabytes", Uint8Array.of(0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    [
      "pieces that are too long together",
      Buffer.concat([
        frame(0x01, new Uint8Array(3_000)),
        frame(0x00, new Uint8Array(3_000)),
      ]),
    ],
    ["noise", crypto.getRandomValues(new Uint8Array(16_384))],
    ["another HTTP request", text("GET /health HTTP/1.1\r\nhost: a\r\n\r\n")],
  ];
  let seq = 0;
  for (const [what, bytes] of cases) {
    await t.step(what, async () => {
      const one = await rawSocket(agent);
      one.socket.write(bytes);
      await one.closed;
      tell(step(++seq, what));
      assert.equal((await witness.next()).output, what);
    });
  }
  await t.step("binary is answered with words", async () => {
    witness.raw.send(text('{"action":"subscribe"}'), { binary: true });
    assert.equal((await witness.next()).error_code, "VALIDATION_ERROR");
  });
  assert.equal((await agent.client.call("GET", "/health")).status, 200);
  await witness.end();
});

Deno.test("fifty subscribers: each hears every step in order; one that does not read is dropped alone", async () => {
  const { agent, tell, watching } = await tellingAgent();
  await using _ = agent;
  const sockets = Array.from({ length: 50 }, () => agent.client.socket());
  for (const socket of sockets) assert.equal((await socket.next()).event, "connected");
  assert.equal(watching(), 1, "the host is watched once");
  // TLS sockets of this runtime read on while paused, so the one that does not read is another program's.
  const { ca, certificate, key } = agent.client.identity;
  const code = `const c = await Deno.connectTls(JSON.parse(Deno.args[0]));
    await c.write(new TextEncoder().encode(Deno.args[1])); console.log("ready");
    await new Response(Deno.stdin.readable).text();`;
  const deaf = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      code,
      JSON.stringify({ hostname: "127.0.0.1", port: agent.server.port, caCerts: [ca], cert: certificate, key }),
      "GET /api/v1/ws/jobs HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = deaf.stdout.getReader();
  try {
    assert.match(new TextDecoder().decode((await reader.read()).value), /ready/);
    // Its place is taken: there is none for another one.
    await waitFor("the deaf one's upgrade", async () => {
      const another = agent.client.socket();
      const refused = await Promise.race([another.failed, another.next().then(() => "")]);
      await another.end();
      return /429/.test(refused);
    });
    // Each step is read by everybody before the next, so only the one that does not read falls behind.
    const steps = 600;
    for (let seq = 1; seq <= steps; seq++) {
      tell(step(seq, "x".repeat(20_000)));
      for (const socket of sockets) assert.equal((await socket.next()).seq, seq);
    }
    assert.equal(sockets.filter(({ raw }) => raw.readyState === raw.OPEN).length, 50);
    const next = agent.client.socket();
    assert.equal((await next.next()).event, "connected", "the place of the one that does not read is free");
    await next.end();
  } finally {
    await reader.cancel();
    await deaf.stdin.close();
    await deaf.status;
  }
  for (const socket of sockets) await socket.end();
});
