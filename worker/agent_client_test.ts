import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import {
  agentServer,
  client_options,
  envelope,
  failure,
  get,
  type Handler,
  host,
  manager,
  root,
  say,
} from "../testing/agent_listener.ts";
import { CONNECT_TIMEOUT_MS } from "../protocol/limits.ts";
import { listening, makeManager } from "../testing/tls.ts";
import { systemClock } from "../core/clock.ts";
import { createAgentClient } from "./agent_client.ts";

Deno.test("an answer is read, by address and by name, with its tag", async () => {
  const seen: string[] = [];
  await using agent = await agentServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers["if-none-match"] ?? "-"}`);
    if (request.headers["if-none-match"] === '"a1"') return void response.writeHead(304, { etag: '"a1"' }).end();
    response.setHeader("etag", '"a1"');
    response.end(envelope({ word: "yes", unknown: 1 }));
  });
  const client = createAgentClient(client_options);
  const { certificate_expires_at, ...answer } = await client.request(host(agent.port), get);
  assert.deepEqual(answer, { not_modified: false, status: 200, data: { word: "yes" }, etag: '"a1"' });
  const days = certificate_expires_at!.since(systemClock.now()).total("hours") / 24;
  assert.ok(days > 0 && days < 3_653, `the end of the certificate that was shown, in ${days} days`);
  const { certificate_expires_at: same, ...named } = await client.request(
    host(agent.port, "web-01.example.com"),
    { ...get, etag: '"a1"' },
  );
  assert.deepEqual(named, { not_modified: true, status: 304, etag: '"a1"' });
  assert.equal(String(same), String(certificate_expires_at), "an answer without content says it too");
  assert.deepEqual(seen, [
    `GET /api/v1/health 127.0.0.1:${agent.port} -`,
    `GET /api/v1/health web-01.example.com:${agent.port} "a1"`,
  ]);
});

Deno.test("a body is sent as JSON", async () => {
  await using agent = await agentServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const text = new TextDecoder().decode(chunks[0]);
      response.end(envelope({ word: `${request.method} ${request.headers["content-type"]} ${text}` }));
    });
  });
  const answer = await createAgentClient(client_options).request(host(agent.port), {
    ...get,
    method: "POST",
    body: { packages: ["zlib1g"] },
  });
  assert.deepEqual(answer.not_modified || answer.data, { word: 'POST application/json {"packages":["zlib1g"]}' });
});

Deno.test("a port where nothing listens is tried twice, then told", async () => {
  const closed = await listening(createTcpServer());
  await closed[Symbol.asyncDispose]();
  const error = await failure(createAgentClient(client_options).request(host(closed.port), get));
  assert.equal(error.kind, "refused");
  assert.equal(error.message, `Connection refused on port ${closed.port}. Is patch-agent running?`);
});

Deno.test("a host without a numeric address is not looked up", async () => {
  const error = await failure(
    createAgentClient(client_options).request({ ...host(1), address: "web-01.example.com" }, get),
  );
  assert.equal(error.kind, "dns");
});

Deno.test({
  name: "a host outside of the role's networks is told so",
  permissions: { net: ["127.0.0.1:12443"] },
  fn: async () => {
    const error = await failure(
      createAgentClient(client_options).request({ ...host(12443), address: "192.0.2.7" }, get),
    );
    assert.equal(error.kind, "refused");
    assert.match(
      error.message,
      /^The manager may not connect to 192\.0\.2\.7:12443\. Add its network to agents\.networks/,
    );
  },
});

/** A plain TCP server that counts connections and does one thing with each. */
async function tcp(act: (socket: Socket) => void) {
  const counted = { connections: 0 };
  const server = await listening(createTcpServer((socket) => {
    counted.connections++;
    act(socket);
  }));
  return Object.assign(server, counted, { count: () => counted.connections });
}

Deno.test("a connection that breaks is tried once more when reading, and once only when writing", async () => {
  await using agent = await tcp((socket) => socket.destroy());
  const client = createAgentClient(client_options);
  assert.equal((await failure(client.request(host(agent.port), get))).kind, "closed");
  assert.equal(agent.count(), 2);
  assert.equal((await failure(client.request(host(agent.port), { ...get, method: "POST", body: {} }))).kind, "closed");
  assert.equal(agent.count(), 3);
});

Deno.test("a broken first try and a good second one are an answer", async () => {
  let first = true;
  await using agent = await agentServer((request, response) => {
    if (first) request.socket.destroy();
    else response.end(envelope({ word: "second" }));
    first = false;
  });
  const answer = await createAgentClient(client_options).request(host(agent.port), get);
  assert.deepEqual(answer.not_modified || answer.data, { word: "second" });
});

Deno.test("a silent port is given up in time and not tried again", async () => {
  await using agent = await tcp(() => {});
  const began = performance.now();
  const client = createAgentClient({ ...client_options, connect_timeout_ms: 200 });
  const error = await failure(client.request(host(agent.port), get));
  assert.equal(error.kind, "timeout");
  assert.match(error.message, /^No answer from 127\.0\.0\.1 on port \d+\./);
  assert.ok(performance.now() - began < CONNECT_TIMEOUT_MS, "the client's own time");
  assert.equal(agent.count(), 1);
});

Deno.test("a port that speaks something else is told", async () => {
  await using agent = await tcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"));
  const error = await failure(createAgentClient(client_options).request(host(agent.port), get));
  assert.equal(error.kind, "tls", error.message);
  assert.match(error.message, /does not speak TLS/);
});

const slow: { name: string; handler: Handler }[] = [
  { name: "hangs before its head", handler: () => {} },
  {
    name: "drips a byte at a time without end",
    handler: (_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    },
  },
];
for (const { name, handler } of slow) {
  Deno.test(`a host that ${name} is cut at the total time`, async () => {
    let served = 0;
    await using agent = await agentServer((request, response) => {
      served++;
      handler(request, response);
    });
    const began = performance.now();
    const error = await failure(
      createAgentClient(client_options).request(host(agent.port), { ...get, timeout_ms: 600 }),
    );
    assert.equal(error.kind, "timeout", error.message);
    assert.match(error.message, /took longer than 600 ms/);
    assert.ok(performance.now() - began < 10_000, "not for as long as it drips");
    assert.equal(served, 1);
  });
}

Deno.test("the caller's signal ends a request at once, with its own reason", async () => {
  const reached = Promise.withResolvers<void>();
  await using agent = await agentServer(() => reached.resolve());
  const control = new AbortController();
  const work = createAgentClient(client_options).request(host(agent.port), { ...get, signal: control.signal });
  await reached.promise;
  const why = new Error("no longer wanted");
  control.abort(why);
  await assert.rejects(work, (error) => error === why);
});

const bodies: { name: string; handler: Handler; kind: string; words: RegExp }[] = [
  {
    name: "17 MiB that it announces",
    handler: say(new Uint8Array(17 * 1024 * 1024).fill(0x20)),
    kind: "too_large",
    words: /larger than 1 MiB/,
  },
  {
    name: "17 MiB in chunks",
    handler: (_request, response) => {
      response.on("error", () => {});
      response.writeHead(200);
      for (let i = 0; i < 17; i++) response.write(new Uint8Array(1024 * 1024).fill(0x20));
      response.end();
    },
    kind: "too_large",
    words: /larger than 1 MiB/,
  },
  {
    name: "33 levels",
    handler: say(`{"success":true,"data":${"[".repeat(32)}${"]".repeat(32)}}`),
    kind: "malformed",
    words: /nested deeper than 32 levels/,
  },
  {
    name: "bytes that are no UTF-8",
    handler: say(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    kind: "malformed",
    words: /not valid UTF-8/,
  },
  { name: "a page", handler: say("<html>hello</html>"), kind: "malformed", words: /not valid JSON/ },
  { name: "nothing", handler: say(""), kind: "malformed", words: /not valid JSON/ },
  { name: "no envelope", handler: say('{"word":"yes"}'), kind: "schema", words: /success/ },
  {
    name: "the wrong kind of data",
    handler: say(envelope({ word: 7, secret: "hunter2" })),
    kind: "schema",
    words: /^The host's answer is not as the protocol says\. word: /,
  },
  {
    name: "a redirect",
    handler: (_request, response) => void response.writeHead(302, { location: "https://127.0.0.1/" }).end(),
    kind: "http",
    words: /redirect \(HTTP 302\), which is never followed/,
  },
  {
    name: "less than it announces",
    handler: (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => request.socket.end());
    },
    kind: "closed",
    words: /broke in the middle of the host's answer/,
  },
  {
    name: "a head of 64 KiB",
    handler: (_request, response) => {
      response.setHeader("x-long", "a".repeat(64 * 1024));
      response.end("{}");
    },
    kind: "too_large",
    words: /head is larger/,
  },
  {
    name: "garbage after 100 Continue",
    handler: (request) => {
      request.socket.end("HTTP/1.1 100 Continue\r\n\r\n\u0001\u0002 not HTTP\r\n\r\n");
    },
    kind: "malformed",
    words: /valid HTTP/,
  },
  {
    name: "garbage",
    handler: (request) => void request.socket.end("SSH-2.0-OpenSSH_9.6\r\n"),
    kind: "malformed",
    words: /valid HTTP/,
  },
  {
    name: "an error in the agreed form",
    handler: say(
      '{"success":false,"data":null,"error":{"code":"PKG_NOT_FOUND","message":"No \\u001b[31mpackage zlib"}}',
      404,
    ),
    kind: "http",
    words: /^The host answered with an error, HTTP 404: No {2}\[31mpackage zlib \(PKG_NOT_FOUND\)\.$/,
  },
  {
    name: "an error page",
    handler: say("<html>Bad gateway</html>", 502),
    kind: "http",
    words: /^The host answered with an error, HTTP 502\.$/,
  },
];
for (const { name, handler, kind, words } of bodies) {
  Deno.test(`a host that answers ${name} is refused for that`, async () => {
    await using agent = await agentServer(handler);
    const error = await failure(
      createAgentClient(client_options).request(host(agent.port), { ...get, method: "DELETE" }),
    );
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, words);
    assert.doesNotMatch(error.message, /hunter2/);
  });
}

Deno.test("an error answer keeps its status and code", async () => {
  await using agent = await agentServer(
    say('{"success":false,"data":null,"error":{"code":"QUEUE_FULL","message":"Full.","retryable":true}}', 429),
  );
  const error = await failure(createAgentClient(client_options).request(host(agent.port), get));
  assert.deepEqual(error.http, { status: 429, code: "QUEUE_FULL", retryable: true });
});

Deno.test("new credentials serve new requests while a running one ends with the old", async () => {
  const second = await makeManager(root);
  const seen: string[] = [];
  const running = Promise.withResolvers<ServerResponse>();
  await using agent = await agentServer((request, response) => {
    const { serialNumber } = (request.socket as unknown as import("node:tls").TLSSocket).getPeerCertificate();
    seen.push(serialNumber.toLowerCase());
    if (seen.length === 1) running.resolve(response);
    else response.end(envelope({ word: "new" }));
  });
  const client = createAgentClient(client_options);
  const old = client.request(host(agent.port), get);
  const waiting = await running.promise;
  client.swapCredentials({ client_cert: second.certificate, client_key: second.key });
  await client.request(host(agent.port), get);
  waiting.end(envelope({ word: "old" }));
  const answer = await old;
  assert.deepEqual(answer.not_modified || answer.data, { word: "old" });
  assert.deepEqual(seen, [manager.serial, second.serial]);
  assert.throws(
    () => client.swapCredentials({ client_cert: second.certificate, client_key: manager.key }),
    /does not belong/,
  );
  await client.request(host(agent.port), get);
});

Deno.test("close ends what is running", async () => {
  const reached = Promise.withResolvers<void>();
  await using agent = await agentServer(() => reached.resolve());
  const client = createAgentClient(client_options);
  const work = client.request(host(agent.port), get);
  await reached.promise;
  client.close();
  assert.equal((await failure(work)).kind, "closed");
  assert.equal((await failure(client.request(host(agent.port), get))).kind, "closed");
});
