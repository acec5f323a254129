import assert from "node:assert/strict";
import type { HostOperations } from "./host_operations.ts";
import { Envelope, Health, Job, JobList, PackageList, PatchList, SystemInfo } from "../protocol/api.ts";
import { startTestAgent } from "./server/server_fixture_test.ts";

const UNKNOWN_JOB = "01a1fd29-75ef-765b-b459-0be920b843c9";

interface Case {
  what: string;
  call: [method: string, path: string, body?: unknown, headers?: Record<string, string>];
  status: number;
  code?: string;
  /** Words that the message must have. */
  says?: RegExp;
  /** Fields that the details must name. */
  fields?: string[];
}

const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

const cases: Case[] = [
  { what: "unknown address", call: ["GET", "/api/v1/nothing"], status: 404, code: "NOT_FOUND" },
  { what: "root", call: ["GET", "/"], status: 404, code: "NOT_FOUND" },
  { what: "health only has these two addresses", call: ["GET", "/api/v2/health"], status: 404, code: "NOT_FOUND" },
  { what: "path with dots", call: ["GET", "/api/v1/jobs/../health"], status: 404, code: "NOT_FOUND" },
  { what: "broken percent sign", call: ["GET", "/api/v1/packages/%E0%A4%A"], status: 404, code: "NOT_FOUND" },
  { what: "target that is a whole address", call: ["GET", "http://evil.example/health"], status: 404 },
  { what: "method of another address", call: ["POST", "/health"], status: 405, code: "METHOD_NOT_ALLOWED" },
  { what: "unknown method", call: ["PATCH", "/api/v1/patches"], status: 405, code: "METHOD_NOT_ALLOWED" },
  { what: "method named like a property", call: ["OPTIONS", "/health"], status: 405, code: "METHOD_NOT_ALLOWED" },
  { what: "status filter", call: ["GET", "/api/v1/packages?status=none"], status: 400, fields: ["status"] },
  {
    what: "index age, text",
    call: ["GET", "/api/v1/patches?max_index_age=soon"],
    status: 400,
    fields: ["max_index_age"],
  },
  {
    what: "index age, negative",
    call: ["GET", "/api/v1/patches?max_index_age=-1"],
    status: 400,
    fields: ["max_index_age"],
  },
  { what: "index age, endless", call: ["GET", "/api/v1/patches?max_index_age=99999999"], status: 400 },
  { what: "package name", call: ["GET", "/api/v1/packages/--admindir"], status: 400, code: "VALIDATION_ERROR" },
  { what: "package with a slash", call: ["GET", "/api/v1/packages/a%2Fb"], status: 400, code: "VALIDATION_ERROR" },
  { what: "missing package", call: ["GET", "/api/v1/packages/nothing-like-it"], status: 404, code: "PKG_NOT_FOUND" },
  { what: "job limit", call: ["GET", "/api/v1/jobs?limit=0"], status: 400, fields: ["limit"] },
  { what: "job id", call: ["GET", "/api/v1/jobs/17"], status: 400, code: "INVALID_JOB_ID" },
  { what: "missing job", call: ["GET", `/api/v1/jobs/${UNKNOWN_JOB}`], status: 404, code: "JOB_NOT_FOUND" },
  { what: "remove: job id", call: ["DELETE", "/api/v1/jobs/x"], status: 400, code: "INVALID_JOB_ID" },
  { what: "remove: missing job", call: ["DELETE", `/api/v1/jobs/${UNKNOWN_JOB}`], status: 404, code: "JOB_NOT_FOUND" },
  {
    what: "cancel: missing job",
    call: ["POST", `/api/v1/jobs/${UNKNOWN_JOB}/cancel`],
    status: 404,
    code: "JOB_NOT_FOUND",
  },
  {
    what: "rollback: missing",
    call: ["POST", `/api/v1/jobs/${UNKNOWN_JOB}/rollback`],
    status: 404,
    code: "JOB_NOT_FOUND",
  },
  { what: "rollback: job id", call: ["POST", "/api/v1/jobs/x/rollback"], status: 400, code: "INVALID_JOB_ID" },
  {
    what: "reboot: delay and force",
    call: ["POST", "/api/v1/system/reboot", { delay_seconds: 86_401, force: "yes" }],
    status: 400,
    fields: ["delay_seconds", "force"],
  },
  { what: "reboot: a list", call: ["POST", "/api/v1/system/reboot", []], status: 400, code: "VALIDATION_ERROR" },
  {
    what: "repair: key and dry run",
    call: ["POST", "/api/v1/system/repair", { idempotency_key: "a b", dry_run: 1 }],
    status: 400,
    fields: ["idempotency_key", "dry_run"],
  },
  {
    what: "rollback: body",
    call: ["POST", `/api/v1/jobs/${UNKNOWN_JOB}/rollback`, { deadline: "soon" }],
    status: 400,
    fields: ["deadline"],
  },
  { what: "service: unknown", call: ["GET", "/api/v1/system/services/ssh"], status: 404, says: /no service ssh/ },
  { what: "service: an option", call: ["GET", "/api/v1/system/services/--root"], status: 400, fields: ["name"] },
  { what: "service: a path", call: ["GET", "/api/v1/system/services/..%2Fx"], status: 400, fields: ["name"] },
  { what: "service: a pattern", call: ["GET", "/api/v1/system/services/ssh*"], status: 400, fields: ["name"] },
  { what: "service: a second line", call: ["GET", "/api/v1/system/services/ssh%0Ax"], status: 400, fields: ["name"] },
  {
    what: "a host whose certificate is not changed from outside",
    call: ["POST", "/api/v1/certificate/csr"],
    status: 404,
    code: "NOT_FOUND",
    says: /not changed/,
  },
  { what: "certificate: method", call: ["POST", "/api/v1/certificate"], status: 405, code: "METHOD_NOT_ALLOWED" },
  { what: "events without upgrade", call: ["GET", "/api/v1/ws/jobs"], status: 400, says: /WebSocket/ },
  { what: "no JSON", call: ["POST", "/api/v1/patches/apply", "{"], status: 400, says: /JSON/ },
  { what: "a list", call: ["POST", "/api/v1/patches/apply", []], status: 400, code: "VALIDATION_ERROR" },
  { what: "null", call: ["POST", "/api/v1/patches/apply", "null"], status: 400, code: "VALIDATION_ERROR" },
  { what: "too deep", call: ["POST", "/api/v1/patches/apply", deep(100)], status: 400, says: /deep/ },
  { what: "too many values", call: ["POST", "/api/v1/patches/apply", `[${"1,".repeat(60_000)}1]`], status: 413 },
  {
    what: "too long",
    call: ["POST", "/api/v1/patches/apply", " ".repeat(2 ** 20 + 1)],
    status: 413,
    code: "PAYLOAD_TOO_LARGE",
  },
  {
    what: "every problem at once",
    call: ["POST", "/api/v1/patches/apply", {
      packages: ["--reinstall", "ok", "a b"],
      reboot_delay_seconds: -1,
      deadline: "soon",
      idempotency_key: "../x",
      dry_run: "yes",
    }],
    status: 400,
    code: "VALIDATION_ERROR",
    fields: ["packages.0", "packages.2", "reboot_delay_seconds", "deadline", "idempotency_key", "dry_run"],
  },
  {
    what: "version that is an option",
    call: ["POST", "/api/v1/patches/apply", { packages: ["bash"], versions: { bash: "-o" } }],
    status: 400,
    fields: ["versions.bash"],
  },
  {
    what: "version of another package",
    call: ["POST", "/api/v1/patches/apply", { packages: ["bash"], versions: { curl: "1" } }],
    status: 400,
    fields: ["versions.curl"],
  },
  {
    what: "restart asked and not asked for",
    call: ["POST", "/api/v1/patches/apply", { reboot: false, allow_reboot: true }],
    status: 400,
    fields: ["allow_reboot"],
  },
  {
    what: "package without update",
    call: ["POST", "/api/v1/patches/apply", { packages: ["nothing"] }],
    status: 404,
    code: "PKG_NOT_FOUND",
  },
  {
    what: "deadline in the past",
    call: ["POST", "/api/v1/patches/apply", { deadline: "2020-01-01T00:00:00Z" }],
    status: 409,
    code: "DEADLINE_PASSED",
  },
  {
    what: "another state folder",
    call: ["POST", "/api/v1/patches/apply", { state_id: "of-long-ago" }],
    status: 409,
    code: "STATE_CHANGED",
  },
];

Deno.test("what is wrong is refused in the envelope, with code, status and words", async (t) => {
  await using agent = await startTestAgent({
    traffic: { concurrent: 16, rate: 1000, burst: 1000, connections: 64, sockets: 8 },
  });
  for (const one of cases) {
    await t.step(one.what, async () => {
      const answer = await agent.client.call(...one.call);
      assert.equal(answer.status, one.status, answer.text);
      const body = Envelope.strict().parse(answer.json);
      assert.equal(body.success, false);
      assert.equal(body.data, null);
      if (one.code) assert.equal(body.error?.code, one.code);
      if (one.says) assert.match(body.error!.message, one.says);
      const details = body.error?.details as { problems?: { field: string }[] };
      for (const field of one.fields ?? []) {
        assert.ok(details.problems?.some((problem) => problem.field === field), `${field} in ${answer.text}`);
      }
      assert.equal(answer.headers["x-request-id"], body.request_id);
      assert.doesNotMatch(answer.text, /\.ts:\d+|node_modules|at async/, "no stack trace");
    });
  }
  assert.deepEqual(await agent.host.jobs(), [], "nothing was started");
});

Deno.test("every answer fits the schema that the manager reads with", async (t) => {
  await using agent = await startTestAgent();
  const { client } = agent;
  const get = async (path: string) => {
    const answer = await client.call("GET", path);
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.json.request_id, /^[0-9a-f-]{36}$/);
    assert.match(answer.json.timestamp, /Z$/);
    return answer.json.data;
  };
  await t.step("health, with and without prefix", async () => {
    for (const path of ["/health", "/api/v1/health"]) {
      const health = Health.parse(await get(path));
      assert.equal(health.status, "healthy");
      assert.equal(health.agent?.simulated, true);
      assert.equal(health.agent?.name, "patch-agent");
      assert.equal(health.version, "0.0.0-test");
      assert.equal(health.crl_status, "valid");
    }
  });
  await t.step("system", async () => {
    const info = SystemInfo.parse(await get("/api/v1/system/info"));
    assert.match(info.machine_id_hash!, /^[0-9a-f]{64}$/);
  });
  await t.step("packages, all and upgradable, agree with patches", async () => {
    const all = PackageList.parse(await get("/api/v1/packages"));
    const upgradable = PackageList.parse(await get("/api/v1/packages?status=upgradable"));
    const patches = PatchList.parse(await get("/api/v1/patches"));
    assert.ok(all.packages.length > upgradable.packages.length && upgradable.packages.length > 0);
    assert.equal(upgradable.packages.length, patches.patches.filter((one) => one.installable).length);
    assert.equal(patches.total, patches.patches.length);
    assert.equal(patches.security_updates, patches.patches.filter((one) => one.security).length);
    const one = await get(`/api/v1/packages/${encodeURIComponent(upgradable.packages[0].name)}`);
    assert.deepEqual(one.name, upgradable.packages[0].name);
  });
  await t.step("a job from order to end, with both names of everything", async () => {
    const name = (await get("/api/v1/patches")).patches.find((one: { installable: boolean }) => one.installable).name;
    const accepted = await client.call("POST", "/api/v1/patches/apply", {
      packages: [name],
      reboot: false,
      allow_reboot: false,
    });
    assert.equal(accepted.status, 202, accepted.text);
    assert.equal(accepted.json.data.status, "pending");
    const { job_id } = accepted.json.data;
    assert.equal((await client.call("DELETE", `/api/v1/jobs/${job_id}`)).json.error.code, "DELETE_NOT_ALLOWED");
    agent.scheduler.advance(3_600_000);
    const job = Job.parse(await get(`/api/v1/jobs/${job_id}`));
    assert.equal(job.status, "completed");
    assert.equal(job.progress, 100);
    assert.equal(job.progress_percent, 100);
    assert.equal(job.logs!.join("\n") + "\n", job.output);
    assert.deepEqual(job.changes!.map((change) => change.name), [name]);
    const listed = JobList.parse(await get("/api/v1/jobs")).jobs[0];
    assert.equal(listed.job_id, job_id);
    assert.equal(listed.output, undefined, "a list carries no logs");
    assert.equal((await client.call("POST", `/api/v1/jobs/${job_id}/cancel`)).json.error.code, "CANCEL_TOO_LATE");
    assert.equal((await client.call("DELETE", `/api/v1/jobs/${job_id}`)).status, 200);
    assert.equal((await client.call("GET", `/api/v1/jobs/${job_id}`)).status, 404);
  });
});

Deno.test("the same idempotency key starts nothing a second time", async () => {
  await using agent = await startTestAgent();
  const order = { idempotency_key: "run-0001", dry_run: true };
  const first = await agent.client.call("POST", "/api/v1/patches/apply", order);
  const second = await agent.client.call("POST", "/api/v1/patches/apply", order);
  assert.equal(second.status, 202);
  assert.equal(second.json.data.job_id, first.json.data.job_id);
  assert.equal((await agent.host.jobs()).length, 1);
});

Deno.test("unchanged lists are answered with 304 and the age of the index", async () => {
  await using agent = await startTestAgent();
  for (const path of ["/api/v1/packages", "/api/v1/patches", "/api/v1/packages?status=upgradable"]) {
    const first = await agent.client.call("GET", path);
    const tag = String(first.headers.etag);
    assert.match(tag, /^W\/"[\w-]{32}"$/);
    for (const known of [tag, tag.slice(2), `"other", ${tag}`, "*"]) {
      const again = await agent.client.call("GET", path, undefined, { "if-none-match": known });
      assert.equal(again.status, 304, known);
      assert.equal(again.text, "");
      assert.equal(again.headers.etag, tag);
      if (path.endsWith("patches")) assert.match(String(again.headers["x-index-age-seconds"]), /^\d+$/);
    }
    assert.equal((await agent.client.call("GET", path, undefined, { "if-none-match": '"other"' })).status, 200);
  }
  const before = String((await agent.client.call("GET", "/api/v1/patches")).headers.etag);
  await agent.client.call("POST", "/api/v1/patches/apply", {});
  agent.scheduler.advance(3_600_000);
  const after = await agent.client.call("GET", "/api/v1/patches", undefined, { "if-none-match": before });
  assert.equal(after.status, 200, "what was installed changes the list");
});

Deno.test("a maximal index age refreshes the index", async () => {
  await using agent = await startTestAgent();
  const before = (await agent.client.call("GET", "/api/v1/patches")).json.data.index_age_seconds;
  assert.ok(before >= 60, String(before));
  const kept = (await agent.client.call("GET", "/api/v1/patches?max_index_age=31536000")).json.data.index_age_seconds;
  assert.ok(kept >= before);
  const fresh = (await agent.client.call("GET", "/api/v1/patches?max_index_age=0")).json.data.index_age_seconds;
  assert.ok(fresh < 60, String(fresh));
});

Deno.test("a host side that fails is a degraded agent with words, and never a stack trace", async () => {
  const broken = new Proxy({} as HostOperations, {
    get: (_target, name) =>
      name === "watch" ? () => () => {} : () => Promise.reject(new Error("connect ENOENT secret-path at foo.ts:12")),
  });
  await using agent = await startTestAgent({ operations: broken });
  const health = Health.parse((await agent.client.call("GET", "/health")).json.data);
  assert.equal(health.status, "degraded");
  assert.match(health.problems![0], /patch-executor/);
  const answer = await agent.client.call("GET", "/api/v1/patches");
  assert.equal(answer.status, 500);
  assert.equal(answer.json.error.code, "PKG_MANAGER_ERROR");
  assert.equal(answer.json.error.retryable, true);
  assert.doesNotMatch(answer.text, /secret-path|foo\.ts/);
});

Deno.test("too many requests are refused with the time to wait, and serving goes on", async () => {
  await using agent = await startTestAgent({
    traffic: { concurrent: 16, rate: 1, burst: 3, connections: 64, sockets: 8 },
  });
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(await agent.client.call("GET", "/health"));
  assert.deepEqual(answers.map((one) => one.status), [200, 200, 200, 429, 429]);
  assert.equal(answers[4].json.error.code, "QUEUE_FULL");
  assert.equal(answers[4].headers["retry-after"], "1");
});

Deno.test("at most so many requests run at once", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => release = resolve);
  let running = 0, most = 0;
  const waited = Promise.withResolvers<void>();
  const slow = new Proxy({} as HostOperations, {
    get: () => async () => {
      most = Math.max(most, ++running);
      if (running === 2) waited.resolve();
      await gate;
      running--;
      return [];
    },
  });
  await using agent = await startTestAgent({
    operations: slow,
    traffic: { concurrent: 2, rate: 100, burst: 100, connections: 64, sockets: 8 },
  });
  const two = [agent.client.call("GET", "/api/v1/packages"), agent.client.call("GET", "/api/v1/packages")];
  await waited.promise;
  const third = await agent.client.call("GET", "/api/v1/packages");
  assert.equal(third.status, 429);
  release();
  for (const one of await Promise.all(two)) assert.equal(one.status, 200);
  assert.equal(most, 2);
});
