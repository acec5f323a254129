import assert from "node:assert/strict";
import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { agentServer, client_options, envelope, good, root, say } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { daysFromNow, listening, makeAuthority, makeLeaf, makeManager } from "../testing/tls.ts";
import { createAgentClient } from "./agent_client.ts";
import { createPoller } from "./poller.ts";

const foreign = await makeAuthority();
const loopback = { addresses: ["127.0.0.1"] };

type Listener = { port: number } & AsyncDisposable;

interface Case {
  name: string;
  listener: () => Promise<Listener>;
  /** What its certificate must be for; the address when absent. */
  tls_name?: string;
  /** After the poll and its retry a minute later. */
  health: "unreachable" | "degraded";
  words: RegExp;
}

const showing = (make: () => Promise<{ certificate: string; key: string }>) => async () =>
  await agentServer(say(envelope({ status: "healthy" })), await make());
const tcp = (handler: (socket: Socket) => void) => () => listening(createTcpServer(handler));
/** A port that nothing listens on any more. */
const closed = async () => {
  const listener = await listening(createTcpServer());
  await listener[Symbol.asyncDispose]();
  return listener;
};

const cases: Case[] = [
  {
    name: "a certificate of another root",
    listener: showing(() => makeLeaf(foreign, loopback)),
    health: "unreachable",
    words: /^Certificate was not issued by this manager's certificate authority\. Enrol the host again/,
  },
  {
    name: "a certificate that ended",
    listener: showing(() => makeLeaf(root, loopback, daysFromNow(-93.5))),
    health: "unreachable",
    words: /^Certificate expired 3 days ago\. Remove the host and enrol it again: patch-agent enrol\.$/,
  },
  {
    name: "a certificate of the future",
    listener: showing(() => makeLeaf(root, loopback, daysFromNow(2))),
    health: "unreachable",
    words: /^Certificate is not valid for another 1 day\. Check the clocks of the host and of the manager\.$/,
  },
  {
    name: "another host's certificate",
    listener: showing(() => makeLeaf(root, { dns: ["web-02.example.com"] })),
    tls_name: "web-01.example.com",
    health: "unreachable",
    words: /^TLS name mismatch: the certificate is for web-02\.example\.com, not web-01\.example\.com\.$/,
  },
  {
    name: "the manager's own certificate",
    listener: showing(() => makeManager(root)),
    health: "unreachable",
    words: /^Certificate is not made for a server\. Enrol the host again: patch-agent enrol\.$/,
  },
  {
    name: "TLS 1.2 only",
    listener: () =>
      listening(createTlsServer({ cert: good.certificate, key: good.key, maxVersion: "TLSv1.2" }, (socket) => {
        socket.on("error", () => {});
        socket.destroy();
      })),
    health: "unreachable",
    words: /^The host does not speak TLS 1\.3\. Update its agent\.$/,
  },
  {
    name: "nothing",
    listener: closed,
    health: "unreachable",
    words: /^Connection refused on port \d+\. Is patch-agent running\?$/,
  },
  {
    name: "silence",
    listener: tcp(() => {}),
    health: "unreachable",
    words: /^No answer from 127\.0\.0\.1 on port \d+\. Is the host up, and does its firewall let us in\?$/,
  },
  {
    name: "silence after the handshake",
    listener: () => agentServer(() => {}),
    health: "unreachable",
    words: /^The host took longer than 5 s to answer\.$/,
  },
  {
    name: "a closed door",
    listener: tcp((socket) => socket.destroy()),
    health: "unreachable",
    words: /^The host closed the connection without an answer\. Does it trust this manager's certificate/,
  },
  {
    name: "HTTP without TLS",
    listener: tcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")),
    health: "unreachable",
    words: /^Port \d+ does not speak TLS\. Is another service listening there\?$/,
  },
  {
    name: "a mail server",
    listener: tcp((socket) => socket.write("220 mail.example.com ESMTP\r\n")),
    health: "unreachable",
    words: /^Port \d+ does not speak TLS\. Is another service listening there\?$/,
  },
  {
    name: "a shell server",
    listener: tcp((socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n")),
    health: "unreachable",
    words: /^Port \d+ does not speak TLS\. Is another service listening there\?$/,
  },
  {
    name: "a web page",
    listener: () => agentServer(say("<!doctype html><title>It works!</title>")),
    health: "degraded",
    words: /^Its answer was refused: .*JSON/,
  },
  {
    name: "another API",
    listener: () => agentServer(say('{"status":"ok"}')),
    health: "degraded",
    words: /^Its answer was refused: /,
  },
  {
    name: "an error page",
    listener: () => agentServer(say("not here", 404)),
    health: "degraded",
    words: /^Its answer was refused: The host answered with an error, HTTP 404\.$/,
  },
];

Deno.test("each way in which a host cannot be asked is told apart in words, and after a minute it is unreachable", async (t) => {
  await using database = await testDatabase();
  await using cleanup = new AsyncDisposableStack();
  const { sql } = database;
  const ids: string[] = [];
  for (const { listener, tls_name } of cases) {
    const id = await addAgentHost(sql, cleanup.use(await listener()));
    await sql`update hosts set tls_name = ${tls_name ?? "127.0.0.1"} where id = ${id}`;
    ids.push(id);
  }
  await sql`insert into system_config (key, value, changed_at) values ('poll.health_timeout_seconds', '5', app_now())`;
  // The second look at a certificate has what is left of this: on a busy machine a second is little.
  const agents = createAgentClient({ ...client_options, connect_timeout_ms: 3_000 });
  cleanup.defer(() => agents.close());
  const signal = new AbortController().signal;
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog, signal, stopping: signal },
    pace: null,
  });
  const askHealth = async () => {
    await sql`update host_polls set next_at = 'infinity' where kind = 'patches'`;
    await sql`update host_polls set next_at = app_now(), lease_until = null where kind = 'health'`;
    await poller.turn();
    await poller.idle();
    const rows = await sql`select id, health, health_reason, not_answering_since from hosts`;
    return new Map(rows.map((row) => [row.id, row]));
  };

  const first = await askHealth();
  const too_early = await askHealth();
  await sql`update hosts set not_answering_since = not_answering_since - interval '1 minute'`;
  const second = await askHealth();
  for (const [index, { name, health, words }] of cases.entries()) {
    await t.step(name, () => {
      const [before, soon, after] = [first, too_early, second].map((rows) => rows.get(ids[index])!);
      assert.equal(after.health, health, after.health_reason);
      assert.match(after.health_reason, words);
      if (health === "degraded") return assert.equal(before.health, "degraded");
      assert.equal(before.health, "pending", "one failed poll proves nothing");
      assert.match(before.health_reason, /^Not answering: /);
      assert.match(before.health_reason.replace(/^Not answering: /, ""), words);
      assert.ok(before.not_answering_since);
      assert.equal(soon.health, "pending", "two failed polls within a minute neither");
    });
  }
  const told = cases.map((_, index) => String(second.get(ids[index])!.health_reason).replace(/\d+/g, "N"));
  const same = told.filter((words) => words === "Port N does not speak TLS. Is another service listening there?");
  assert.equal(new Set(told).size, cases.length - same.length + 1, "no two of the others read alike");
  const parked = await sql`select host_id from host_polls where parked_reason is not null`;
  assert.equal(parked.length, 0);
});
