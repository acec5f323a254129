import assert from "node:assert/strict";
import { LostRun, moveRun } from "../core/jobs/move_run.ts";
import type { AgentRequest } from "./agent_client.ts";
import { Bell } from "./bell.ts";
import { beginRun, dispatchRun } from "./dispatch_run.ts";
import type { RunContext } from "./run_context.ts";
import { type Bench, claimOne, letTimePass, openBench, runToEnd, starts, stateOf } from "./run_fixture_test.ts";
import { verifyRun } from "./verify_run.ts";
import { watchRun } from "./watch_run.ts";

/** The worker dies here: no step knows this, so nothing of it is handled. */
class Killed extends Error {}

/** The real client, with a death before or after one of its requests. */
function dyingAt(bench: Bench, path: string, when: "before" | "after"): Partial<RunContext> {
  return {
    agents: {
      openEvents: (host, handlers) => bench.agents.openEvents(host, handlers),
      request: async (host, request: AgentRequest<never>) => {
        const hit = path.endsWith("/") ? request.path.startsWith(path) : request.path === path;
        if (hit && when === "before") throw new Killed();
        const answer = await bench.agents.request(host, request);
        if (hit && when === "after") throw new Killed();
        return answer;
      },
    } as RunContext["agents"],
  };
}

/** Steps of a worker until it dies. */
async function workUntilKilled(bench: Bench, change: Partial<RunContext>, steps: string): Promise<void> {
  const context = bench.context(change);
  const wish = { requested: false, host_removed: false, bell: new Bell() };
  const work = async () => {
    let run = await claimOne(bench.database.fleet);
    if (steps === "claimed") return;
    if (run.state === "queued") run = (await beginRun(context, run))!;
    if (steps === "begun") return;
    if (run.state === "dispatching") run = (await dispatchRun(context, run))!;
    if (steps === "running") return;
    const ended = (await watchRun(context, run, wish))!;
    if (steps === "verifying") return;
    await verifyRun(context, ended.run, ended.report);
  };
  if (steps === "killed") await assert.rejects(work(), Killed);
  else await work();
}

const DEATHS: [string, string, string, "before" | "after" | null, string][] = [
  // What happened; how far it went; the request at which it died; the state that the row was left in.
  ["after the claim", "claimed", "", null, "queued"],
  ["after it took the host", "begun", "", null, "dispatching"],
  ["before it asked for health", "killed", "/api/v1/health", "before", "dispatching"],
  ["before it wrote down the state folder", "killed", "/api/v1/system/info", "after", "dispatching"],
  ["before it sent the order", "killed", "/api/v1/patches/apply", "before", "dispatching"],
  [
    "after the host took the order, before that was written down",
    "killed",
    "/api/v1/patches/apply",
    "after",
    "dispatching",
  ],
  ["when the run was written down", "running", "", null, "running"],
  ["before it asked how the run goes", "killed", "/api/v1/jobs/", "before", "running"],
  ["with the host's answer in its hands", "killed", "/api/v1/jobs/", "after", "running"],
  ["when the host was done", "verifying", "", null, "verifying"],
  ["before it read the host again", "killed", "/api/v1/patches", "before", "verifying"],
  ["half-way through reading the host again", "killed", "/api/v1/packages", "after", "verifying"],
];

for (const [what, steps, path, when, left] of DEATHS) {
  Deno.test(`a worker that dies ${what} starts nothing twice and forgets nothing`, async () => {
    await using bench = await openBench();
    const { sql } = bench.database;
    const job_id = await bench.order();
    await workUntilKilled(bench, when ? dyingAt(bench, path, when) : {}, steps);
    const dead = await stateOf(sql, job_id);
    assert.equal(dead.state, left);
    await letTimePass(sql);
    const end = await runToEnd(bench, job_id);
    assert.equal(end.state, "succeeded", `${end.message} ${end.error}`);
    assert.equal(end.run_id, dead.run_id, "the same run under the same key");
    assert.equal(await starts(bench.agent), 1);
    const [{ n }] = await sql`select count(*)::int as n from audit_log where action = 'job.end'`;
    assert.equal(n, 1);
  });
}

Deno.test("until its lease ends nobody else takes a dead worker's row", async () => {
  await using bench = await openBench();
  await bench.order();
  const run = await claimOne(bench.database.fleet);
  const again = await bench.database.fleet`
    select lease_until - app_now() between interval '25 seconds' and interval '30 seconds' as held from patch_job_hosts`;
  assert.equal(again[0].held, true);
  await assert.rejects(claimOne(bench.database.fleet), "nothing is due");
  await letTimePass(bench.database.sql);
  assert.equal((await claimOne(bench.database.fleet)).fence, run.fence + 1);
});

Deno.test("a worker that wakes up late finds that the row went on without it", async () => {
  await using bench = await openBench();
  const { sql, fleet } = bench.database;
  const context = bench.context();
  const job_id = await bench.order();
  const late = (await beginRun(context, await claimOne(fleet)))!;
  await letTimePass(sql);
  const next = await claimOne(fleet);
  await assert.rejects(dispatchRun(context, late), LostRun);
  await assert.rejects(moveRun(fleet, late, "failed", { message: "late" }, context.clock), LostRun);
  assert.equal((await bench.agent.host.jobs()).length, 0, "it sent nothing");
  assert.equal((await stateOf(sql, job_id)).state, "dispatching");
  const running = (await dispatchRun(context, next))!;
  assert.equal(running.state, "running");
});

Deno.test("a host that lost its memory after the order was sent ends as unknown, and nothing is repeated", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  await workUntilKilled(bench, dyingAt(bench, "/api/v1/patches/apply", "after"), "killed");
  await bench.agent.kill();
  await bench.agent.revive({ forget: true });
  await letTimePass(bench.database.sql);
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "unknown");
  assert.equal(end.error_code, "STATE_CHANGED");
  assert.match(end.message, /lost its memory of this run: read it, do not repeat/);
  assert.deepEqual(await bench.agent.host.jobs(), [], "the new state folder has started nothing");
});

Deno.test("a host that lost its memory while it worked ends as unknown", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  await workUntilKilled(bench, {}, "running");
  await bench.agent.kill();
  await bench.agent.revive({ forget: true });
  await letTimePass(bench.database.sql);
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "unknown");
  assert.equal(end.error_code, "JOB_NOT_FOUND");
});

Deno.test("a host that lost its memory before anything was sent is simply ordered anew", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  await workUntilKilled(bench, dyingAt(bench, "/api/v1/system/info", "after"), "killed");
  await bench.agent.kill();
  await bench.agent.revive({ forget: true });
  await letTimePass(bench.database.sql);
  assert.equal((await runToEnd(bench, job_id)).state, "succeeded");
  assert.equal(await starts(bench.agent), 1);
});

Deno.test("an agent that is killed in the middle comes back, and the run goes on", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  await workUntilKilled(bench, {}, "running");
  await letTimePass(bench.database.sql);
  await bench.agent.kill();
  const end = runToEnd(bench, job_id);
  await bench.agent.revive();
  assert.equal((await end).state, "succeeded");
  assert.equal(await starts(bench.agent), 1);
});

Deno.test("a verification after a crash needs no memory of the host: its packages tell", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  await workUntilKilled(bench, {}, "verifying");
  const [ended] = await bench.agent.host.jobs();
  await bench.agent.host.remove(ended.job_id);
  await letTimePass(bench.database.sql);
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "succeeded");
  assert.match(end.message, /at the ordered version/);
});
