import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createJob } from "../core/jobs/create_job.ts";
import { agentServer, client_options, envelope } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { addUser, callerContext, offer } from "../testing/job_scenario.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { waitFor } from "../testing/wait_for.ts";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { createAgentClient } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { letTimePass, stateOf, testPace } from "./run_fixture_test.ts";

/** How the agent answers an order: text with a status, or the connection breaks. */
type OrderAnswer = { status: number; text: string } | "break";
interface Odd {
  /** What health says of itself: null is a public agent, which keeps no run ids. */
  state_id: string | null;
  order?: OrderAnswer[];
  job?: string;
  /** Version of bash before and after an order was taken. */
  versions?: [string, string];
  /** State of the package database, as the host tells it. */
  packages?: "ok" | "interrupted" | "broken";
}

const refusal = (status: number, code: string): OrderAnswer => ({
  status,
  text: JSON.stringify({
    success: false,
    data: null,
    error: { code, message: `because of ${code}`, retryable: false },
  }),
});
const taken: OrderAnswer = { status: 202, text: envelope({ job_id: "7", status: "pending" }) };

/** An agent that is not ours, or one that misbehaves. */
async function openOdd({ state_id, order = [taken], job, versions = ["1.0", "2.0"], packages = "ok" }: Odd) {
  const database = await testDatabase();
  const { sql, web } = database;
  const keys: string[] = [];
  let installed = versions[0];
  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const path = request.url!.split("?")[0];
    const say = (status: number, text: string) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(text);
    };
    switch (path) {
      case "/api/v1/health":
        return say(200, envelope({ status: "healthy", ...(state_id ? { agent: { state_id } } : {}) }));
      case "/api/v1/system/info":
        return say(200, envelope({ hostname: "odd", os: "Alpine" }));
      case "/api/v1/patches":
        return say(200, envelope({ patches: [], state: packages }));
      case "/api/v1/packages":
        return say(200, envelope({ packages: [{ name: "bash", version: installed }] }));
      case "/api/v1/patches/apply": {
        keys.push(JSON.parse(body).idempotency_key);
        const next = order[Math.min(keys.length, order.length) - 1];
        if (next === "break") return request.socket.destroy();
        if (next.status === 202) installed = versions[1];
        return say(next.status, next.text);
      }
      case "/api/v1/jobs/7":
        return say(200, job ?? envelope({ job_id: "7", status: "succeeded", progress: 100, logs: ["done"] }));
    }
    say(404, JSON.stringify({ success: false, data: null, error: { code: "NOT_FOUND", message: "no" } }));
  };
  const agent = await agentServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => body += chunk);
    request.on("end", () => answer(request, response, body));
  });
  const admin = await addUser(sql, "admin");
  const host_id = await addAgentHost(sql, agent);
  await offer(sql, host_id, { name: "bash", arch: "", to: "2.0" });
  const agents = createAgentClient(client_options);
  const stopping = new AbortController();
  const executor = createExecutor({
    ...{ sql: database.fleet, agents, clock: systemClock, log: silentLog },
    signal: stopping.signal,
    pace: testPace,
  });
  return {
    keys,
    sql,
    /** Runs the job to its end, skipping the pauses of retries. */
    async run(kind: "apply" | "dry_run" = "apply") {
      const order = { kind, host_ids: [host_id] };
      const { job_id } = await createJob(web, admin, order, null, callerContext(admin));
      await waitFor("the end", async () => {
        await executor.turn();
        if ((await sql`select ended_at from patch_jobs where id = ${job_id}`)[0].ended_at) return true;
        if (executor.running === 0) await letTimePass(sql);
        return false;
      }, { deadline_ms: 20_000 });
      return await stateOf(sql, job_id);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error("the test is done"));
      await executor.stop();
      agents.close();
      await agent[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a public agent, which knows neither versions nor run ids, is ordered, followed and read again", async () => {
  await using odd = await openOdd({ state_id: null });
  const end = await odd.run();
  assert.equal(end.state, "succeeded", end.message);
  assert.deepEqual((await odd.sql`select text from job_logs`).map((row) => row.text), ["done"]);
});

Deno.test("an agent that installs another version than the one ordered has failed", async () => {
  await using odd = await openOdd({ state_id: null, versions: ["1.0", "3.0"] });
  const end = await odd.run();
  assert.equal(end.state, "failed");
  const [patch] = await odd.sql`select outcome, reason from patch_job_patches`;
  assert.deepEqual({ ...patch }, { outcome: "failed", reason: "is at 3.0, ordered was 2.0" });
});

Deno.test("an agent that claims success and changed nothing has failed, twice", async () => {
  await using odd = await openOdd({ state_id: "s", versions: ["1.0", "1.0"] });
  const end = await odd.run();
  assert.deepEqual([end.state, end.attempt], ["failed", 2]);
  assert.match(end.message, /reported success, but 0 of 1/);
  assert.equal(new Set(odd.keys).size, 2, "a new run under a new key");
});

Deno.test("a host that was left half-way is not tried again: its refusal would hide what failed", async (t) => {
  for (const packages of ["interrupted", "broken"] as const) {
    await t.step(packages, async () => {
      await using odd = await openOdd({ state_id: "s", versions: ["1.0", "1.0"], packages });
      const end = await odd.run();
      assert.deepEqual([end.state, end.attempt, odd.keys.length], ["failed", 1, 1]);
      assert.match(end.message, /reported success, but 0 of 1/);
    });
  }
});

Deno.test("a dry run is never sent to an agent that would take it for an order", async () => {
  await using odd = await openOdd({ state_id: null });
  const end = await odd.run("dry_run");
  assert.equal(end.state, "failed");
  assert.match(end.message, /cannot do a dry run; nothing was sent/);
  assert.deepEqual(odd.keys, []);
});

Deno.test("an order that broke off is never repeated to an agent without memory", async () => {
  await using odd = await openOdd({ state_id: null, order: ["break", taken] });
  const end = await odd.run();
  assert.equal(end.state, "unknown");
  assert.match(end.message, /cannot tell: read it, do not repeat/);
  assert.equal(odd.keys.length, 1);
});

Deno.test("an order that broke off is repeated under the same key to an agent with memory", async (t) => {
  for (const [what, first] of [["connection", "break"], ["error", refusal(500, "PKG_MANAGER_ERROR")]] as const) {
    await t.step(what, async () => {
      await using odd = await openOdd({ state_id: "s", order: [first, taken] });
      const end = await odd.run();
      assert.equal(end.state, "succeeded");
      assert.equal(odd.keys.length, 2);
      assert.equal(new Set(odd.keys).size, 1);
      assert.equal(end.attempt, 1);
    });
  }
});

const REFUSALS: [string, OrderAnswer[], string, string, number][] = [
  ["a version that is not on offer", [refusal(404, "PKG_NOT_FOUND")], "failed", "PKG_NOT_FOUND", 1],
  ["an order that the agent does not understand", [refusal(400, "VALIDATION_ERROR")], "failed", "VALIDATION_ERROR", 1],
  ["a deadline that is past on the host", [refusal(409, "DEADLINE_PASSED")], "missed", "DEADLINE_PASSED", 1],
  ["a full queue, four times", [refusal(429, "QUEUE_FULL")], "failed", "QUEUE_FULL", 4],
  ["a state folder that changes between two questions", [refusal(409, "STATE_CHANGED")], "failed", "STATE_CHANGED", 4],
  ["a run whose job was removed on the host", ["break", refusal(404, "JOB_NOT_FOUND")], "unknown", "JOB_NOT_FOUND", 2],
  ["a lost memory after a broken connection", ["break", refusal(409, "STATE_CHANGED")], "unknown", "STATE_CHANGED", 2],
  ["no end of broken connections", ["break"], "unknown", "CLOSED", 4],
];
for (const [what, order, state, code, sent] of REFUSALS) {
  Deno.test(`${what}: ${state}`, async () => {
    await using odd = await openOdd({ state_id: "s", order });
    const end = await odd.run();
    assert.deepEqual([end.state, end.error_code], [state, code], end.message);
    assert.equal(odd.keys.length, sent);
    assert.equal(new Set(odd.keys).size, 1);
  });
}

const ANSWERS: [string, string][] = [
  ["no JSON", "<html>"],
  ["another shape", envelope({ job: 7 })],
  ["a state that does not exist", envelope({ job_id: "7", status: "dancing" })],
  ["NUL in its output", envelope({ job_id: "7", status: "running", output: "a\u0000b" })],
];
for (const [what, job] of ANSWERS) {
  Deno.test(`a host that answers about its run with ${what} ends as unknown, not in a loop`, async () => {
    await using odd = await openOdd({ state_id: "s", job });
    const end = await odd.run();
    assert.equal(end.state, "unknown");
    assert.match(end.error ?? "", /host/i);
    assert.equal(odd.keys.length, 1);
  });
}
