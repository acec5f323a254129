import assert from "node:assert/strict";
import { z } from "zod";
import { type Clock, systemClock } from "../core/clock.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { createReboot } from "../core/jobs/create_reboot.ts";
import { createRepair } from "../core/jobs/create_repair.ts";
import { createRollback } from "../core/jobs/create_rollback.ts";
import type { JobOrderInput } from "../core/jobs/types.ts";
import { silentLog } from "../core/log.ts";
import { fleetSummary } from "../core/views/fleet_summary.ts";
import { hostDetail } from "../core/views/host_detail.ts";
import { hostPatches } from "../core/views/host_patches.ts";
import { agentServer, client_options } from "../testing/agent_listener.ts";
import { testDatabase } from "../testing/database.ts";
import { addUser, callerContext } from "../testing/job_scenario.ts";
import { addAgentHost } from "../testing/simulated_agent.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createAgentClient } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { createPoller } from "./poller.ts";
import { letTimePass, stateOf, testPace } from "./run_fixture_test.ts";

/** Answers of the public agent as its code makes them, one after the other; the last one goes on. */
const Recording = z.object({
  about: z.string(),
  answers: z.record(
    z.string(),
    z.array(z.object({ status: z.number(), body: z.record(z.string(), z.unknown()) })).min(1),
  ),
});
type Answers = z.infer<typeof Recording>["answers"];

async function read(name: string): Promise<Answers> {
  const text = await Deno.readTextFile(new URL(`recorded/${name}.json`, import.meta.url));
  return Recording.parse(JSON.parse(text)).answers;
}

const JOB = "GET /api/v1/jobs/0b8e4b0e-6d0a-4f2a-9a43-2f6f2b7c1d01";
const unknown = {
  status: 404,
  body: { success: false, data: null, error: { code: "NOT_FOUND", message: "Not found", retryable: false } },
};

/** The recorded agent behind a real listener, polled once. `change` replaces answers. */
async function replay(name: string, change: Answers = {}) {
  const database = await testDatabase();
  const answers = { ...await read(name), ...change };
  const calls: { call: string; body: Record<string, unknown> | null }[] = [];
  const agent = await agentServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => text += chunk);
    request.on("end", () => {
      const call = `${request.method} ${request.url!.split("?")[0]}`;
      calls.push({ call, body: text === "" ? null : JSON.parse(text) });
      const list = answers[call] ?? [unknown];
      const { status, body } = list.length > 1 ? list.shift()! : list[0];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
  });
  const agents = createAgentClient(client_options);
  const admin = await addUser(database.sql, "admin");
  const host_id = await addAgentHost(database.sql, agent);
  const stopping = new AbortController();
  const { signal } = stopping;
  const shared = { sql: database.fleet, agents, log: silentLog };
  const poller = createPoller({ ...shared, clock: systemClock, signal, stopping: signal });
  const poll = async () => {
    await poller.turn();
    await poller.idle();
  };
  await poll();
  const run = async (job_id: string, clock: Clock = systemClock) => {
    const executor = createExecutor({ ...shared, clock, signal, pace: testPace });
    await waitFor("the end", async () => {
      await executor.turn();
      if ((await database.sql`select ended_at from patch_jobs where id = ${job_id}`)[0].ended_at) return true;
      if (executor.running === 0) await letTimePass(database.sql);
      return false;
    }, { deadline_ms: 20_000 });
    return await stateOf(database.sql, job_id);
  };
  const context = callerContext(admin);
  return {
    ...{ database, calls, admin, host_id, agents, poll, run, context },
    async order(input: Partial<JobOrderInput> = {}) {
      const order = { kind: "apply" as const, host_ids: [host_id], ...input };
      return (await createJob(database.web, admin, order, null, context)).job_id;
    },
    /** Replaces an answer from now on. */
    answer: (call: string, list: Answers[string]) => void (answers[call] = [...list]),
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error("the test is done"));
      agents.close();
      await agent[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

const later = (minutes: number): Clock => ({ now: () => systemClock.now().add({ minutes }) });

Deno.test("apt: the shifted columns are put right, severities are marked as guesses and count for nothing", async () => {
  await using scene = await replay("public_apt");
  const { items } = await hostPatches(scene.database.web, scene.admin.id, scene.host_id, { sort: "name" });
  assert.deepEqual(
    items.map((one) => [one.name, one.arch, one.current_version, one.available_version]),
    [
      ["libc6", "amd64", null, "2.36-9+deb12u13"],
      ["libc6", "i386", null, "2.36-9+deb12u13"],
      ["libssl3", "amd64", null, "3.0.17-1~deb12u3"],
      ["tzdata", "all", null, "2025b-0+deb12u2"],
    ],
  );
  for (const one of items) {
    assert.deepEqual(
      [one.severity_source, one.security, one.security_known, one.cve_ids, one.size_bytes, one.state],
      ["unverified", false, false, [], null, "installable"],
    );
  }
  const host = await hostDetail(scene.database.web, scene.admin.id, scene.host_id);
  assert.deepEqual([host.pending, host.security, host.critical, host.high, host.unknown], [4, 0, 0, 0, 4]);
  assert.deepEqual([host.package_state, host.os_name], ["ok", "Debian GNU/Linux"]);
  // It calls itself healthy and fresh; its own time of the last refresh says otherwise.
  assert.deepEqual([host.health, host.compliance], ["degraded", "stale"]);
  assert.match(host.health_reason ?? "", /index/);
});

Deno.test("unknown security is never compliant, and is said", async () => {
  await using scene = await replay("public_apt");
  const { sql, web } = scene.database;
  // As fresh as can be: all that is missing is the word on security.
  await sql`update host_patch_data set index_refreshed_at = app_now(), received_at = app_now()`;
  const host = await hostDetail(web, scene.admin.id, scene.host_id);
  assert.deepEqual([host.compliance, host.security_unknown], ["unknown", 4]);
  const fleet = await fleetSummary(web, scene.admin.id);
  assert.deepEqual([fleet.compliant, fleet.not_compliant, fleet.stale], [0, 0, 1]);
  // Without updates there is nothing to doubt.
  scene.answer("GET /api/v1/patches", [{
    status: 200,
    body: { success: true, data: { patches: [], total: 0, security_updates: 0, requires_reboot: false }, error: null },
  }]);
  await sql`update host_polls set next_at = app_now()`;
  await scene.poll();
  await sql`update host_patch_data set index_refreshed_at = app_now()`;
  assert.equal((await hostDetail(web, scene.admin.id, scene.host_id)).compliance, "compliant");
});

Deno.test("what its health says of the index is not lost with the next list, which says nothing of it", async () => {
  await using scene = await replay("public_apt");
  const { sql } = scene.database;
  const index = async () => (await sql`select index_refreshed_at from host_patch_data`)[0].index_refreshed_at;
  await sql`update host_polls set next_at = app_now() where kind = 'health'`;
  await scene.poll();
  const said = await index();
  assert.equal(said?.toString(), "2024-05-20T08:59:00Z");
  await sql`update host_polls set next_at = app_now() where kind = 'patches'`;
  await scene.poll();
  assert.equal((await index())?.toString(), said.toString());
});

Deno.test("apt: a deployment is ordered in both spellings, followed by asking, and read again", async () => {
  await using scene = await replay("public_apt");
  const job_id = await scene.order({ packages: [{ name: "libssl3", version: "3.0.17-1~deb12u3" }] });
  const end = await scene.run(job_id);
  assert.deepEqual([end.state, end.error], ["succeeded", null], end.message);
  const { body } = scene.calls.find(({ call }) => call === "POST /api/v1/patches/apply")!;
  assert.deepEqual([body!.packages, body!.reboot, body!.allow_reboot], [["libssl3"], false, false]);
  const [{ text }] = await scene.database.sql`select string_agg(text, '' order by position) as text from job_logs`;
  assert.match(text, /Job started[\s\S]*Job completed successfully/);
});

Deno.test("an agent that restarts blindly is not told that it may", async () => {
  await using scene = await replay("public_apt");
  await scene.run(await scene.order({ packages: [{ name: "libssl3" }], reboot: "needed" }));
  const { body } = scene.calls.find(({ call }) => call === "POST /api/v1/patches/apply")!;
  assert.deepEqual([body!.reboot, body!.allow_reboot, body!.reboot_when], [false, false, "never"]);
});

Deno.test("apk: an empty present version is unknown; the rest of a line is no version", async () => {
  await using scene = await replay("public_apk");
  const { items } = await hostPatches(scene.database.web, scene.admin.id, scene.host_id, { sort: "name" });
  assert.deepEqual(items.map((one) => [one.name, one.current_version, one.available_version]), [
    ["busybox", null, "1.36.1-r20"],
    ["libcrypto3", null, "3.1.7-r1"],
  ]);
  const installed = await scene.database.sql`
    select p.name, hp.version from host_packages hp join packages p on p.id = hp.package_id order by p.name`;
  assert.deepEqual(installed.map((row) => ({ ...row })), [
    { name: "busybox", version: "1.36.1-r15" },
    { name: "libcrypto3", version: "3.1.4-r5" },
  ]);
  const end = await scene.run(await scene.order({ packages: [{ name: "libcrypto3", version: "3.1.7-r1" }] }));
  assert.equal(end.state, "succeeded", end.message);
});

const ENDS: [string, string, RegExp][] = [
  ["timedout", "failed", /0 of 1 package.*Job timed out/],
  ["timed_out", "failed", /0 of 1 package.*Job timed out/],
  ["succeeded", "failed", /reported success, but 0 of 1/],
  ["failed", "failed", /0 of 1 package.*apt-get failed \(exit 100\)/],
  ["cancelled", "cancelled", /Cancelled before anything was installed/],
];
for (const [status, state, words] of ENDS) {
  Deno.test(`a job that the agent calls ${status} while nothing changed ends as ${state}`, async () => {
    const ends = await read("public_job_ends");
    const apt = await read("public_apt");
    await using scene = await replay("public_apt", {
      [JOB]: ends[status],
      "GET /api/v1/packages": [apt["GET /api/v1/packages"][0]],
    });
    const end = await scene.run(await scene.order({ packages: [{ name: "libssl3" }] }));
    assert.equal(end.state, state, end.message);
    assert.match(end.message, words);
  });
}

Deno.test("a rollback that the agent records and never runs ends in words, with nothing claimed", async () => {
  await using scene = await replay("public_apt");
  const { sql, web } = scene.database;
  const done = await scene.order({ packages: [{ name: "libssl3" }] });
  await scene.run(done);
  // The version before it is not known from this agent; a person who knows it can still ask.
  await sql`update patch_job_patches set from_version = '3.0.17-1~deb12u2' where job_id = ${done}`;
  await assert.rejects(createRollback(web, scene.admin, done, {}, null, scene.context), { code: "nothing_to_do" });
  const order = { host_ids: [scene.host_id] };
  const { job_id } = await createRollback(web, scene.admin, done, order, null, scene.context);
  const asked = () => scene.calls.filter(({ call }) => call.endsWith("7c1d02")).length;
  const enough = new AbortController();
  // Nine minutes on it may still begin; after eleven it will not.
  const early = createExecutor({
    ...{ sql: scene.database.fleet, agents: scene.agents, log: silentLog, pace: testPace },
    ...{ clock: later(9), signal: enough.signal },
  });
  await early.turn();
  await waitFor("a few questions", () => asked() > 3);
  enough.abort(new Error("seen"));
  await early.stop();
  assert.equal((await stateOf(sql, job_id)).state, "running");
  const end = await scene.run(job_id, later(11));
  assert.deepEqual([end.state, end.error_code], ["failed", "TIMEOUT"]);
  assert.match(end.message, /did not begin it in 10 minutes: public agents record it and never run it/);
  const [patch] = await sql`select outcome from patch_job_patches where job_id = ${job_id}`;
  assert.equal(patch.outcome, "pending");
});

Deno.test("what this agent has no address for fails with what a person can do", async () => {
  await using scene = await replay("public_apt");
  const { web } = scene.database;
  const repair = await createRepair(web, scene.admin, scene.host_id, {}, null, scene.context);
  const repaired = await scene.run(repair.job_id);
  assert.equal(repaired.state, "failed");
  assert.match(repaired.message, /cannot repair\. On the host: dpkg --configure -a/);
  const reboot = await createReboot(web, scene.admin, scene.host_id, {}, null, scene.context);
  const refused = await scene.run(reboot.job_id);
  assert.deepEqual([refused.state, refused.error_code], ["failed", "PACKAGE_DB_MUTATION_IN_PROGRESS"]);
  assert.match(refused.message, /package-manager operation is in progress/);
});

Deno.test("an older one whose list of packages fails is refused with its words; what was known stays", async () => {
  const error = {
    code: "PKG_MANAGER_ERROR",
    message: "Failed to list packages: apt command failed: E: Invalid operation list",
    details: null,
    retryable: true,
  };
  await using scene = await replay("public_apt", {
    "GET /api/v1/packages": [{ status: 500, body: { success: false, data: null, error } }],
  });
  const host = await hostDetail(scene.database.web, scene.admin.id, scene.host_id);
  assert.match(host.refused_reason ?? "", /Invalid operation list/);
  assert.deepEqual([host.report_received_at, host.compliance], [null, "unknown"]);
});
