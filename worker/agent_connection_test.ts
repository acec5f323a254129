import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { agentServer, client_options, envelope, failure, get, host } from "../testing/agent_listener.ts";
import { createAgentClient } from "./agent_client.ts";
import { KeptConnection } from "./agent_connection.ts";

/** An agent that notes over which connection each request came, and whether that has ended. */
async function listener(answer: (response: ServerResponse, n: number) => void) {
  const over: Socket[] = [];
  const ended = new Map<Socket, Promise<void>>();
  const agent = await agentServer((request, response) => {
    const { socket } = request;
    over.push(socket);
    if (!ended.has(socket)) ended.set(socket, new Promise((resolve) => socket.once("close", () => resolve())));
    answer(response, over.length);
  });
  return Object.assign(agent, { over, ended, connections: () => new Set(over).size });
}

const word = (response: ServerResponse) => void response.end(envelope({ word: "yes" }));

Deno.test("what one poll asks goes over one connection, which ends with the poll", async () => {
  await using agent = await listener(word);
  const client = createAgentClient(client_options);
  const kept = new KeptConnection();
  const first = await client.request(host(agent.port), { ...get, kept });
  const second = await client.request(host(agent.port), { ...get, kept });
  assert.equal(agent.connections(), 1);
  assert.equal(String(second.certificate_expires_at), String(first.certificate_expires_at));
  kept.close();
  await agent.ended.get(agent.over[0]);
  await client.request(host(agent.port), get);
  await client.request(host(agent.port), get);
  assert.equal(agent.connections(), 3, "without it each request has its own");
});

Deno.test("a host that ends its connection with each answer is asked over another one", async () => {
  await using agent = await listener((response) => {
    response.setHeader("connection", "close");
    word(response);
  });
  const client = createAgentClient(client_options);
  using kept = new KeptConnection();
  for (let n = 0; n < 3; n++) await client.request(host(agent.port), { ...get, kept });
  assert.deepEqual([agent.over.length, agent.connections()], [3, 3]);
});

Deno.test("a kept connection that breaks is no try: two new ones follow", async () => {
  const breaks = new Set([2, 3, 5, 6, 7]);
  await using agent = await listener((response, n) => {
    if (breaks.has(n)) response.socket!.destroy();
    else word(response);
  });
  const client = createAgentClient(client_options);
  using kept = new KeptConnection();
  const ask = () => client.request(host(agent.port), { ...get, kept });
  await ask();
  await ask();
  assert.equal(agent.over.length, 4, "the second was answered by the second new connection");
  assert.equal((await failure(ask())).kind, "closed");
  assert.equal(agent.over.length, 7);
});

Deno.test("what was kept for one host never serves another", async () => {
  await using agent = await listener(word);
  const client = createAgentClient(client_options);
  using kept = new KeptConnection();
  const one = host(agent.port);
  for (
    const other of [one, { ...one, id: "018f0000-0000-7000-8000-000000000002" }, host(agent.port, "web-01.example.com")]
  ) {
    await client.request(other, { ...get, kept });
  }
  assert.equal(agent.connections(), 3);
  await agent.ended.get(agent.over[0]);
});

Deno.test("nothing stays open when the poll was given up, or the answer could not be taken", async () => {
  await using agent = await listener((response, n) => void response.end(n === 1 ? envelope({ word: "yes" }) : "{"));
  const client = createAgentClient(client_options);
  const kept = new KeptConnection();
  kept.close();
  await client.request(host(agent.port), { ...get, kept });
  await agent.ended.get(agent.over[0]);
  using other = new KeptConnection();
  assert.equal((await failure(client.request(host(agent.port), { ...get, kept: other }))).kind, "malformed");
  await agent.ended.get(agent.over[1]);
});

Deno.test("a signal that has fired already ends a kept connection too", async () => {
  await using agent = await listener(word);
  const client = createAgentClient(client_options);
  using kept = new KeptConnection();
  await client.request(host(agent.port), { ...get, kept });
  const why = new Error("no longer wanted");
  const given_up = client.request(host(agent.port), { ...get, kept, signal: AbortSignal.abort(why) });
  await assert.rejects(given_up, (error) => error === why);
  await agent.ended.get(agent.over[0]);
});
