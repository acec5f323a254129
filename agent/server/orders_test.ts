import assert from "node:assert/strict";
import { Job, JobList, Service } from "../../protocol/api.ts";
import type { HostOperations, HostOrder } from "../host_operations.ts";
import { type RunningAgent, startTestAgent } from "./server_fixture_test.ts";

const traffic = { concurrent: 16, rate: 1_000, burst: 1_000, connections: 64, sockets: 8 };

/** An agent that also notes each order as it reaches the host's side. */
async function orderedAgent() {
  const orders: HostOrder[] = [];
  const agent = await startTestAgent({ traffic });
  const start = agent.host.start.bind(agent.host);
  agent.host.start = (order) => {
    orders.push(order);
    return start(order);
  };
  return { agent, orders };
}

async function accepted(agent: RunningAgent, path: string, body?: unknown) {
  const answer = await agent.client.call("POST", path, body);
  assert.equal(answer.status, 202, answer.text);
  return answer.json.data;
}

async function jobOf(agent: RunningAgent, job_id: string): Promise<Job> {
  const answer = await agent.client.call("GET", `/api/v1/jobs/${job_id}`);
  assert.equal(answer.status, 200, answer.text);
  return Job.parse(answer.json.data);
}

Deno.test("a body or none means this order and no other", async (t) => {
  const { agent, orders } = await orderedAgent();
  await using _ = agent;
  const run = { idempotency_key: "run-7", deadline: "2999-01-01T00:00:00Z", state_id: agent.host.state.state_id };
  const read = { run_id: "run-7", deadline_ms: Date.UTC(2999, 0, 1), state_id: run.state_id };
  const cases: [string, string, unknown, Partial<HostOrder>][] = [
    ["repair", "/api/v1/system/repair", undefined, { operation: "repair", dry_run: false, state_id: null }],
    ["repair", "/api/v1/system/repair", { ...run, dry_run: true }, { ...read, operation: "repair", dry_run: true }],
    [
      "reboot",
      "/api/v1/system/reboot",
      { delay_seconds: 90, force: true },
      { operation: "reboot", reboot_delay_seconds: 90, force: true, deadline_ms: null },
    ],
    [
      "reboot",
      "/api/v1/system/reboot",
      undefined,
      { operation: "reboot", reboot_delay_seconds: 0, force: false },
    ],
  ];
  for (const [operation, path, body, wanted] of cases) {
    await t.step(`${operation} ${JSON.stringify(body) ?? "without a body"}`, async () => {
      const data = await accepted(agent, path, body);
      const order = orders.at(-1)!;
      for (const [key, value] of Object.entries(wanted)) assert.equal(order[key as keyof HostOrder], value, key);
      assert.match(order.run_id, /^[A-Za-z0-9-]{1,64}$/);
      assert.match(data.job_id, /^[0-9a-f-]{36}$/);
      assert.equal(data.status, "pending");
      agent.scheduler.advance(24 * 3_600_000);
      assert.equal((await jobOf(agent, data.job_id)).idempotency_key, order.run_id);
    });
  }
});

Deno.test("the same key starts one restart, one repair, one rollback", async () => {
  const { agent } = await orderedAgent();
  await using _ = agent;
  for (const path of ["/api/v1/system/repair", "/api/v1/system/reboot"]) {
    const body = { idempotency_key: `key-${path.length}` };
    const first = await accepted(agent, path, body);
    agent.scheduler.advance(24 * 3_600_000);
    const again = await accepted(agent, path, body);
    assert.equal(again.job_id, first.job_id);
    assert.notEqual(again.status, "pending", "it says how that one ended");
  }
});

Deno.test("a restart waits for nothing that runs: it is refused, and forced it waits its turn", async () => {
  const { agent } = await orderedAgent();
  await using _ = agent;
  await accepted(agent, "/api/v1/patches/apply", {});
  const refused = await agent.client.call("POST", "/api/v1/system/reboot", {});
  assert.equal(refused.status, 409);
  assert.equal(refused.json.error.code, "REBOOT_BLOCKED");
  assert.notEqual(refused.json.error.message, "");
  const { job_id } = await accepted(agent, "/api/v1/system/reboot", { force: true });
  assert.equal((await jobOf(agent, job_id)).status, "pending", "what runs is never cut off");
});

Deno.test("rolling back: refused while it runs, then a job that names the other, and the other names it", async () => {
  const { agent } = await orderedAgent();
  await using _ = agent;
  const patches = (await agent.client.call("GET", "/api/v1/patches")).json.data.patches;
  const plain = patches.find((one: { name: string; installable: boolean }) =>
    one.installable && !/^(linux|kernel)/.test(one.name)
  );
  const { job_id } = await accepted(agent, "/api/v1/patches/apply", { packages: [plain.name] });
  const early = await agent.client.call("POST", `/api/v1/jobs/${job_id}/rollback`);
  assert.equal(early.status, 400);
  assert.equal(early.json.error.code, "ROLLBACK_NOT_ALLOWED");
  agent.scheduler.advance(3_600_000);
  assert.equal((await jobOf(agent, job_id)).rollback_job_id, null);

  const dry = await accepted(agent, `/api/v1/jobs/${job_id}/rollback`, { dry_run: true });
  agent.scheduler.advance(3_600_000);
  assert.equal((await jobOf(agent, job_id)).rollback_job_id, null, "a dry run takes nothing back");
  assert.notEqual(dry.job_id, job_id);

  const data = await accepted(agent, `/api/v1/jobs/${job_id.toUpperCase()}/rollback`);
  assert.deepEqual({ ...data, job_id: "" }, {
    job_id: "",
    status: "pending",
    operation: "rollback",
    original_job_id: job_id,
  });
  agent.scheduler.advance(3_600_000);
  const back = await jobOf(agent, data.job_id);
  assert.equal(back.status, "completed", back.error ?? "");
  assert.equal(back.operation, "rollback");
  assert.equal((await jobOf(agent, job_id)).rollback_job_id, data.job_id);
  const listed = JobList.parse((await agent.client.call("GET", "/api/v1/jobs")).json.data).jobs;
  assert.equal(listed.find((job) => job.job_id === job_id)?.rollback_job_id, data.job_id);
  assert.equal(listed.find((job) => job.job_id === data.job_id)?.rollback_job_id, null);
  const twice = await agent.client.call("POST", `/api/v1/jobs/${data.job_id}/rollback`);
  assert.equal(twice.json.error.code, "ROLLBACK_NOT_ALLOWED", "what was taken back is not taken back again");
});

Deno.test("a service: as the host says it, by its decoded name", async () => {
  const asked: string[] = [];
  const service: Service = {
    name: "getty@tty1.service",
    display_name: "Getty on tty1",
    active_state: "active",
    sub_state: "running",
    load_state: "loaded",
    enabled_state: "enabled",
    main_pid: 712,
    healthy: true,
  };
  const operations = {
    service: (name: string) => {
      asked.push(name);
      return Promise.resolve(name === service.name ? service : null);
    },
  } as unknown as HostOperations;
  await using agent = await startTestAgent({ operations });
  const found = await agent.client.call("GET", "/api/v1/system/services/getty%40tty1.service");
  assert.equal(found.status, 200);
  assert.deepEqual(Service.parse(found.json.data), service);
  const escaped = await agent.client.call("GET", "/api/v1/system/services/dev-disk-by%5Cx2dlabel.swap");
  assert.equal(escaped.status, 404);
  assert.match(escaped.json.error.message, /no service dev-disk-by\\x2dlabel\.swap/);
  assert.deepEqual(asked, ["getty@tty1.service", "dev-disk-by\\x2dlabel.swap"]);
});
