import assert from "node:assert/strict";
import { z } from "zod";
import { agentServer, client_options, envelope, failure, type Handler, host, say } from "../testing/agent_listener.ts";
import { waitFor } from "../testing/wait_for.ts";
import { AgentError, createAgentClient } from "./agent_client.ts";
import { FREE_ANSWER_BYTES, LargeAnswers } from "./large_answers.ts";

const Words = z.object({ words: z.string() });
const get = { method: "GET", path: "/api/v1/packages", schema: Words } as const;
const small = envelope({ words: "x".repeat(FREE_ANSWER_BYTES - 1_000) });
const big = envelope({ words: "x".repeat(3 * FREE_ANSWER_BYTES) });

const clientWith = (large: LargeAnswers) => createAgentClient({ ...client_options, large });

Deno.test("places go to who waits longest, and back", async () => {
  const large = new LargeAnswers({ places: 1 });
  const [first, second, third] = [large.turn(), large.turn(), large.turn()];
  assert.equal(first.tryTake(), true);
  assert.equal(first.tryTake(), true, "it has it");
  const order: string[] = [];
  const waits = [second.take().then(() => order.push("second")), third.take().then(() => order.push("third"))];
  assert.equal(large.waiting, 2);
  first.release();
  await waits[0];
  assert.deepEqual([order, large.waiting, third.taken], [["second"], 1, false]);
  second.release();
  second.release();
  await waits[1];
  third.release();
  const last = large.turn();
  assert.equal(last.tryTake(), true, "released twice is released once");
  assert.equal(large.turn().tryTake(), false);
  last.release();
});

Deno.test("who waits too long, or gives up, leaves the queue", async () => {
  const large = new LargeAnswers({ places: 1, wait_ms: 30 });
  const holder = large.turn();
  holder.tryTake();
  const late = await failure(large.turn().take());
  assert.equal(late.kind, "busy");
  const gave_up = new AbortController();
  const waiting = large.turn().take(gave_up.signal);
  gave_up.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  assert.equal(large.waiting, 0);
  holder.release();
  assert.equal(large.turn().tryTake(), true, "the place was not lost");
});

Deno.test("who released while waiting does not keep the place that comes then", async () => {
  const large = new LargeAnswers({ places: 1 });
  const holder = large.turn();
  holder.tryTake();
  const gone = large.turn();
  const taken = gone.take();
  gone.release();
  holder.release();
  await taken;
  assert.deepEqual([gone.taken, large.turn().tryTake()], [false, true]);
});

Deno.test("small answers need no place", async () => {
  const large = new LargeAnswers({ places: 0, wait_ms: 1 });
  await using agent = await agentServer(say(small));
  const client = clientWith(large);
  const answers = await Promise.all([1, 2, 3].map(() => client.request(host(agent.port), get)));
  assert.ok(answers.every((answer) => answer.status === 200));
});

/** Announced by its length, or not. */
const SENDERS: [string, Handler][] = [
  ["that is announced", (_request, response) => {
    response.writeHead(200, { "content-length": String(big.length) });
    response.end(big);
  }],
  ["in chunks", (_request, response) => {
    response.writeHead(200);
    for (let at = 0; at < big.length; at += 65_536) response.write(big.slice(at, at + 65_536));
    response.end();
  }],
];
for (const [how, handler] of SENDERS) {
  Deno.test(`a large answer ${how} waits for its turn, is asked for again then, and arrives whole`, async () => {
    let asked = 0;
    await using agent = await agentServer((request, response) => {
      asked++;
      handler(request, response);
    });
    const large = new LargeAnswers({ places: 1 });
    const holder = large.turn();
    holder.tryTake();
    const answer = clientWith(large).request(host(agent.port), get);
    await waitFor("it to wait", () => large.waiting === 1);
    assert.equal(asked, 1, "cut off, not held in memory");
    holder.release();
    const got = await answer;
    assert.ok(!got.not_modified && got.data.words.length === 3 * FREE_ANSWER_BYTES);
    assert.equal(asked, 2);
    assert.equal(large.turn().tryTake(), true, "given back");
  });
}

Deno.test("a caller's turn keeps its place over two answers, until it is released", async () => {
  await using agent = await agentServer(say(big));
  const large = new LargeAnswers({ places: 1, wait_ms: 30 });
  const client = clientWith(large);
  const turn = client.largeTurn();
  await client.request(host(agent.port), { ...get, turn });
  assert.equal(turn.taken, true);
  assert.equal((await failure(client.request(host(agent.port), get))).kind, "busy");
  await client.request(host(agent.port), { ...get, turn });
  turn.release();
  await client.request(host(agent.port), get);
});

Deno.test("a large answer that drips loses its place once others wait for it, and not before", async () => {
  let drips = 0;
  await using slow = await agentServer((_request, response) => {
    response.writeHead(200, { "content-length": String(8 * FREE_ANSWER_BYTES) });
    response.write(Buffer.alloc(2 * FREE_ANSWER_BYTES, 120));
    const timer = setInterval(() => response.write("x", () => drips++), 10);
    response.on("close", () => clearInterval(timer));
  });
  await using honest = await agentServer(say(big));
  const large = new LargeAnswers({ places: 1, hold_ms: 50 });
  const client = clientWith(large);
  const dripping = client.request(host(slow.port), get).then(() => null, (error) => error as AgentError);
  await waitFor("it to drip for longer than that", () => drips >= 20);
  const answer = await client.request(host(honest.port), get);
  assert.equal(answer.status, 200);
  const error = await dripping;
  assert.equal(error?.kind, "timeout");
  assert.match(error!.message, /large answer, and other hosts waited/);
});

Deno.test("beyond its own bound no answer gets a place", async () => {
  await using agent = await agentServer(say(big));
  const large = new LargeAnswers();
  const error = await failure(clientWith(large).request(host(agent.port), { ...get, max_bytes: 256 * 1024 }));
  assert.deepEqual([error.kind, error.message], [
    "too_large",
    "The host's answer was refused. It is larger than 256 KiB.",
  ]);
  const whole = await agentServer(say(envelope({ words: "x".repeat(17 * FREE_ANSWER_BYTES) })));
  const most = await failure(clientWith(large).request(host(whole.port), get));
  assert.match(most.message, /larger than 16 MiB/);
  await whole[Symbol.asyncDispose]();
});

Deno.test("an answer to an order is small: a large one is refused and never asked for again", async () => {
  let asked = 0;
  await using agent = await agentServer((request, response) => {
    asked++;
    say(big)(request, response);
  });
  const error = await failure(
    clientWith(new LargeAnswers()).request(host(agent.port), { ...get, method: "POST", body: {} }),
  );
  assert.deepEqual([error.kind, asked], ["too_large", 1]);
});

for (const encoding of ["gzip", "br", "x-unknown"]) {
  Deno.test(`a compressed answer (${encoding}) is not unpacked`, async () => {
    await using agent = await agentServer((_request, response) => {
      response.writeHead(200, { "content-encoding": encoding });
      response.end("x");
    });
    const error = await failure(clientWith(new LargeAnswers()).request(host(agent.port), get));
    assert.equal(error.kind, "malformed");
    assert.match(error.message, /compressed, which was not asked for/);
  });
}

Deno.test("a page where JSON belongs is named by what it calls itself, harmlessly", async () => {
  for (
    const [type, words] of [["text/html; charset=utf-8", /calls itself text\/html\.$/], [
      "a\tb",
      /itself a b\.$/,
    ]] as const
  ) {
    await using agent = await agentServer((_request, response) => {
      response.writeHead(200, { "content-type": type });
      response.end("<html>");
    });
    const error = await failure(clientWith(new LargeAnswers()).request(host(agent.port), get));
    assert.match(error.message, words);
  }
});
