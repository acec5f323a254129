import assert from "node:assert/strict";
import { JobEvent } from "../protocol/api.ts";
import { standardSockets } from "./events.ts";
import type { HostJobEvent, HostOperations } from "./host_operations.ts";
import { startTestAgent } from "./server/server_fixture_test.ts";

const order = { packages: [], dry_run: false };

Deno.test("every step of a job is pushed without a subscription, in order and complete", async () => {
  await using agent = await startTestAgent();
  const socket = agent.client.socket();
  assert.equal((await socket.next()).event, "connected");
  const { job_id } = (await agent.client.call("POST", "/api/v1/patches/apply", order)).json.data;
  agent.scheduler.advance(3_600_000);
  const events: JobEvent[] = [];
  do events.push(JobEvent.parse(await socket.next())); while (events.at(-1)!.status !== "completed");
  assert.ok(events.every((event) => event.event === "job_status" && event.job_id === job_id));
  assert.deepEqual(events.map((event) => event.seq), events.map((_, i) => events[0].seq! + i), "no step is missing");
  const percents = events.map((event) => event.progress_percent!);
  assert.deepEqual(percents, percents.toSorted((a, b) => a - b), "progress never falls");
  assert.ok(events.every((event) => event.progress === event.progress_percent));
  const job = (await agent.client.call("GET", `/api/v1/jobs/${job_id}`)).json.data;
  assert.equal(events.map((event) => event.output).join(""), job.output, "the pieces are the whole log");
  assert.equal(events.at(-1)!.seq, job.seq);
  await socket.end();
});

Deno.test("what a client says is answered", async (t) => {
  await using agent = await startTestAgent();
  const { job_id } = (await agent.client.call("POST", "/api/v1/patches/apply", order)).json.data;
  const socket = agent.client.socket();
  await socket.next();
  const bad: [string, unknown][] = [
    ["no JSON", "hello"],
    ["a number", "17"],
    ["another action", { action: "install" }],
    ["a job id that is a list", { action: "subscribe", job_id: ["x"] }],
    ["a long job id", { action: "subscribe", job_id: "x".repeat(65) }],
  ];
  for (const [what, message] of bad) {
    await t.step(what, async () => {
      socket.say(message);
      const answer = await socket.next();
      assert.equal(answer.event, "error");
      assert.equal(answer.error_code, "VALIDATION_ERROR");
    });
  }
  await t.step("unknown job", async () => {
    socket.say({ action: "subscribe", job_id: "nothing" });
    assert.equal((await socket.next()).error_code, "JOB_NOT_FOUND");
  });
  await t.step("subscribe tells the present state", async () => {
    socket.say({ action: "subscribe", job_id });
    assert.deepEqual(await socket.next().then(({ event, job_id }) => ({ event, job_id })), {
      event: "subscribed",
      job_id,
    });
    const state = JobEvent.parse(await socket.next());
    assert.equal(state.status, "running");
  });
  await t.step("unsubscribe leaves the job out, subscribe brings it back", async () => {
    socket.say({ action: "unsubscribe", job_id });
    assert.equal((await socket.next()).event, "unsubscribed");
    agent.scheduler.advance(3_600_000);
    socket.say({ action: "subscribe" });
    assert.equal((await socket.next()).event, "subscribed", "no event of the job came in between");
    await agent.client.call("POST", "/api/v1/patches/apply", { dry_run: true });
    assert.equal((await socket.next()).event, "job_status");
  });
  await t.step("unsubscribe from everything, then hear one job", async () => {
    socket.say({ action: "unsubscribe" });
    await socket.until((message) => message.event === "unsubscribed");
    agent.scheduler.advance(3_600_000);
    const second = (await agent.client.call("POST", "/api/v1/patches/apply", { dry_run: true })).json.data.job_id;
    socket.say({ action: "subscribe", job_id: second });
    assert.equal((await socket.next()).event, "subscribed");
    assert.equal((await socket.next()).job_id, second);
    agent.scheduler.advance(3_600_000);
    assert.equal((await socket.until((message) => message.status === "completed")).job_id, second);
  });
  await socket.end();
});

Deno.test("a client that floods or sends too much is cut", async (t) => {
  await using agent = await startTestAgent();
  await t.step("too many messages", async () => {
    const socket = agent.client.socket();
    await socket.next();
    for (let i = 0; i <= standardSockets.messages; i++) socket.say("x");
    await socket.closed;
  });
  await t.step("one message too long", async () => {
    const socket = agent.client.socket();
    await socket.next();
    socket.say(JSON.stringify({ action: "subscribe", job_id: "x".repeat(5000) }));
    assert.equal(await socket.closed, 1009);
  });
  assert.equal((await agent.client.call("GET", "/health")).status, 200);
});

Deno.test("too many sockets, and other addresses, are refused", async () => {
  await using agent = await startTestAgent({
    traffic: { concurrent: 16, rate: 100, burst: 100, connections: 64, sockets: 1 },
  });
  const first = agent.client.socket();
  await first.next();
  assert.match(await agent.client.socket().failed, /429/);
  assert.match(await agent.client.socket("/api/v1/other").failed, /404/);
  await first.end();
});

Deno.test("a silent client is gone after its time, a living one stays", async () => {
  await using agent = await startTestAgent({ sockets: { ping_ms: 20, gone_ms: 100, buffered: 2 ** 20, messages: 50 } });
  const silent = agent.client.socket("/api/v1/ws/jobs", { autoPong: false });
  await silent.next();
  const living = agent.client.socket();
  await living.next();
  await silent.closed;
  assert.equal(living.raw.readyState, living.raw.OPEN);
  await living.end();
});

Deno.test("a reader that does not read is dropped above the limit, others go on", async () => {
  let tell: (event: HostJobEvent) => void = () => {};
  const watched = Promise.withResolvers<void>();
  const operations = {
    watch: (listener: (event: HostJobEvent) => void) => {
      tell = listener;
      watched.resolve();
      return () => {};
    },
  } as unknown as HostOperations;
  await using agent = await startTestAgent({
    operations,
    sockets: { ping_ms: 60_000, gone_ms: 120_000, buffered: 64 * 1024, messages: 50 },
  });
  const socket = agent.client.socket();
  await socket.next();
  await watched.promise;
  const event: HostJobEvent = {
    job_id: "j",
    run_id: "r",
    seq: 1,
    status: "running",
    phase: "install",
    progress_percent: 50,
    message: "",
    output: "x".repeat(60_000),
    error: null,
    error_code: null,
    timestamp: "2026-01-01T00:00:00Z",
  };
  // Nothing is read while this loop holds the thread, so everything piles up.
  for (let i = 0; i < 400; i++) tell(event);
  await socket.closed;
  assert.equal((await agent.client.call("GET", "/api/v1/nothing")).status, 404);
});

Deno.test("after a gap behind the agent every socket is ended, so that its owner comes back and asks", async () => {
  const watched = Promise.withResolvers<() => void>();
  const operations = {
    watch: (_: unknown, on_gap: () => void) => {
      watched.resolve(on_gap);
      return () => {};
    },
  } as unknown as HostOperations;
  await using agent = await startTestAgent({ operations });
  const sockets = [agent.client.socket(), agent.client.socket()];
  for (const socket of sockets) await socket.next();
  const codes = sockets.map(({ raw }) => new Promise((resolve) => raw.once("close", resolve)));
  (await watched.promise)();
  assert.deepEqual(await Promise.all(codes), [1012, 1012]);
  const again = agent.client.socket();
  assert.equal((await again.next()).event, "connected");
  await again.end();
});
