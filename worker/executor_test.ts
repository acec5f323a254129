import assert from "node:assert/strict";
import { ManualScheduler } from "../agent/backends/simulated/scheduler.ts";
import { systemClock } from "../core/clock.ts";
import { cancelJob } from "../core/jobs/cancel_job.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { client_options } from "../testing/agent_listener.ts";
import { callerContext, offer } from "../testing/job_scenario.ts";
import { addAgentHost, startTestAgent } from "../testing/simulated_agent.ts";
import { waitFor } from "../testing/wait_for.ts";
import { createAgentClient } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { type Bench, letTimePass, openBench, runToEnd, starts, stateOf } from "./run_fixture_test.ts";

/** An executor of the bench that stops with its scope. */
function startExecutor(bench: Bench, options: { concurrency?: number } = {}) {
  const stopping = new AbortController();
  const executor = createExecutor({ ...bench.context({ signal: stopping.signal }), ...options });
  return {
    executor,
    stopping,
    [Symbol.asyncDispose]: async () => {
      stopping.abort(new Error("the test is done"));
      await executor.stop();
    },
  };
}

Deno.test("an ordered update arrives, is read again, and is told on the way", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const [{ n }] = await sql`select count(*)::int as n from host_patches where state = 'installable'`;
  assert.ok(n > 0, "the simulated host has updates");
  const job_id = await bench.order();
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "succeeded", `${end.message} ${end.error}`);
  assert.equal(end.progress, 100);
  assert.equal(await starts(bench.agent), 1);
  const patches = await sql`select origin, outcome, count(*)::int as n from patch_job_patches group by 1, 2`;
  assert.deepEqual(patches.map((row) => ({ ...row })), [{ origin: "ordered", outcome: "applied", n }]);
  const [{ left }] = await sql`select count(*)::int as left from host_patches where state = 'installable'`;
  assert.equal(left, 0, "what was read again landed as a report");
  const events = await sql`select kind, data from live_events where topic = ${`job:${job_id}`} order by seq`;
  const states = events.filter((event) => event.kind === "host_state").map((event) => event.data.state);
  assert.deepEqual([...new Set(states)], ["dispatching", "running", "verifying", "succeeded"]);
  const percents = events.filter((event) => event.kind === "progress").map((event) => event.data.progress as number);
  assert.deepEqual(percents, percents.toSorted((a, b) => a - b), "progress never goes back");
  assert.deepEqual(events.at(-1)!.data, { job_id, state: "succeeded", counts: { succeeded: 1 } });
});

Deno.test("the log is what the host said, in order, without gaps and doubles, whether it pushes or is asked", async (t) => {
  for (const sockets of [8, 0]) {
    await t.step(sockets > 0 ? "pushed" : "asked, because the socket is refused", async () => {
      await using bench = await openBench({ traffic: { sockets } });
      const job_id = await bench.order();
      assert.equal((await runToEnd(bench, job_id)).state, "succeeded");
      const [job] = await bench.agent.host.jobs();
      const pieces = await bench.database.sql`select position, text from job_logs order by position`;
      assert.equal(pieces.map((piece) => piece.text).join(""), job.output);
      assert.deepEqual(pieces.map((piece) => piece.position), pieces.map((_, i) => i + 1));
      const refused = bench.lines.some((line) => line.includes("agent_events.refused"));
      assert.equal(refused, sockets === 0);
    });
  }
});

Deno.test("a dry run says what would change, dependencies included, and changes nothing", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const job_id = await bench.order({ kind: "dry_run" });
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "succeeded", `${end.message} ${end.error}`);
  const rows = await sql`select distinct outcome from patch_job_patches where job_id = ${job_id}`;
  assert.deepEqual(rows.map((row) => row.outcome), ["would_apply"]);
  assert.equal(await starts(bench.agent), 0);
  const [{ n }] = await sql`select count(*)::int as n from host_patches where state = 'installable'`;
  assert.ok(n > 0);
});

Deno.test("a package whose script fails is tried once more as a new run, then failed with its reason", async () => {
  await using bench = await openBench({ trouble: "failing" });
  const { sql } = bench.database;
  const job_id = await bench.order();
  const first = (await stateOf(sql, job_id)).run_id;
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "failed");
  assert.equal(end.attempt, 2);
  assert.notEqual(end.run_id, first);
  const outcomes = await sql`
    select outcome, count(*)::int as n, max(reason) as reason from patch_job_patches group by 1 order by 1`;
  const failed = outcomes.find((row) => row.outcome === "failed");
  assert.ok(failed && failed.reason.length > 0, JSON.stringify(outcomes));
  const runs = (await bench.agent.host.jobs()).map((job) => job.run_id);
  assert.equal(new Set(runs).size, runs.length, "each attempt under its own key");
  const [{ state }] =
    await sql`select data ->> 'state' as state from live_events where topic = 'jobs' order by seq desc limit 1`;
  assert.equal(state, "failed");
});

Deno.test("a host that does not answer is tried after 1, 5 and 30 minutes, then failed, because nothing began", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const job_id = await bench.order();
  await bench.agent.kill();
  await using running = startExecutor(bench);
  const pauses: number[] = [];
  for (let failures = 1; failures <= 3; failures++) {
    await running.executor.turn();
    const row = await waitFor(`failure ${failures}`, async () => {
      const state = await stateOf(sql, job_id);
      return state.communication_failures === failures && state;
    });
    assert.equal(row.state, "waiting");
    assert.equal(row.error_code, "REFUSED");
    const [{ seconds }] = await sql`
      select extract(epoch from next_at - app_now())::float8 as seconds from patch_job_hosts`;
    pauses.push(Math.round(seconds / 10) * 10);
    await letTimePass(sql);
  }
  assert.deepEqual(pauses, [60, 300, 1_800]);
  await running.executor.turn();
  const end = await waitFor("the end", async () => {
    const state = await stateOf(sql, job_id);
    return state.state === "failed" && state;
  });
  assert.match(end.message, /nothing was begun/);
});

Deno.test("a host that vanishes after it took the order ends as unknown, never as failed", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const { sql } = bench.database;
  const job_id = await bench.order();
  await using running = startExecutor(bench);
  await running.executor.turn();
  await waitFor("the run", async () => (await stateOf(sql, job_id)).state === "running");
  await bench.agent.kill();
  const end = await waitFor("the end", async () => {
    const state = await stateOf(sql, job_id);
    if (running.executor.running === 0) {
      await letTimePass(sql);
      await running.executor.turn();
    }
    return state.state === "unknown" && state;
  }, { deadline_ms: 60_000 });
  assert.equal(end.communication_failures, 3);
  assert.match(end.message, /may have been changed: read it, do not repeat/);
});

Deno.test("what is not begun before its deadline is missed, and the host would refuse it too", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const late = await bench.order();
  await sql`update patch_job_hosts set deadline_at = app_now() - interval '1 second' where job_id = ${late}`;
  const end = await runToEnd(bench, late);
  assert.equal(end.state, "missed");
  assert.match(end.message, /Not begun before its deadline/);
  assert.deepEqual(await bench.agent.host.jobs(), []);
});

Deno.test("a run that goes on long after its deadline is given up as unknown, and left alone on the host", async () => {
  await using bench = await openBench({ scheduler: new ManualScheduler() });
  const { sql } = bench.database;
  const job_id = await bench.order();
  await using running = startExecutor(bench);
  await running.executor.turn();
  await waitFor("the run", async () => (await stateOf(sql, job_id)).state === "running");
  running.stopping.abort(new Error("hand over"));
  await running.executor.stop();
  await sql`update patch_job_hosts set deadline_at = app_now() - interval '61 minutes'`;
  const end = await runToEnd(bench, job_id);
  assert.equal(end.state, "unknown");
  assert.equal(end.error_code, "TIMEOUT");
  assert.equal((await bench.agent.host.jobs())[0].status, "running");
});

Deno.test("cancelling reaches the host while it downloads, and comes too late while it installs", async (t) => {
  for (const late of [false, true]) {
    await t.step(late ? "too late" : "in time", async () => {
      const scheduler = new ManualScheduler();
      await using bench = await openBench({ scheduler });
      const { sql, web } = bench.database;
      const job_id = await bench.order();
      await using running = startExecutor(bench);
      await running.executor.turn();
      await waitFor("the run", async () => (await stateOf(sql, job_id)).state === "running");
      const reached = (phases: string[]) => async () => {
        const [job] = await bench.agent.host.jobs();
        if (phases.includes(job.phase)) return true;
        scheduler.advance(100);
        return false;
      };
      await waitFor("its phase", reached(late ? ["install"] : ["refresh", "download"]), { every_ms: 1 });
      const asked = await cancelJob(web, bench.admin, job_id, "wrong hosts", callerContext(bench.admin));
      assert.deepEqual(asked, { cancelled: 0, asked: 1, too_late: 0 });
      running.executor.lookAgain();
      if (late) {
        await waitFor("the refusal", async () => /Too late to cancel/.test((await stateOf(sql, job_id)).message));
      }
      const end = await waitFor("the end", async () => {
        // Time stands still until the host was asked: a cancelled run needs none to end.
        if (late) scheduler.advance(60_000);
        const state = await stateOf(sql, job_id);
        return ["cancelled", "succeeded", "failed"].includes(state.state) && state;
      });
      assert.equal(end.state, late ? "succeeded" : "cancelled");
      assert.equal(end.attempt, 1);
    });
  }
});

Deno.test("two jobs for one host run one after the other", async () => {
  await using bench = await openBench({ scheduler: new ManualScheduler() });
  const { sql } = bench.database;
  const [first, second] = [await bench.order(), await bench.order({ kind: "dry_run" })];
  await using running = startExecutor(bench);
  await running.executor.turn();
  await waitFor("one of them", async () => {
    const states = [(await stateOf(sql, first)).state, (await stateOf(sql, second)).state];
    return states.filter((state) => state === "running").length === 1;
  });
  await running.executor.turn();
  const [{ n }] = await sql`
    select count(*)::int as n from patch_job_hosts where state in ('dispatching', 'running', 'verifying')`;
  assert.equal(n, 1);
  assert.equal((await bench.agent.host.jobs()).length, 1);
});

Deno.test("two executors at once send each host's order once", async () => {
  await using bench = await openBench();
  const { sql, web } = bench.database;
  const agents = await Promise.all(Array.from({ length: 6 }, () => startTestAgent()));
  try {
    const source = await sql`
      select p.name, p.arch, hp.current_version as from, o.version as to
      from host_patches hp join packages p on p.id = hp.package_id join update_offers o on o.id = hp.offer_id
      where hp.state = 'installable'`;
    const host_ids = [bench.host_id];
    for (const agent of agents) {
      const id = await addAgentHost(sql, agent);
      await offer(sql, id, ...source.map((row) => ({ name: row.name, arch: row.arch, from: row.from, to: row.to })));
      host_ids.push(id);
    }
    const order = { kind: "apply" as const, host_ids };
    const { job_id } = await createJob(web, bench.admin, order, null, callerContext(bench.admin));
    await using one = startExecutor(bench, { concurrency: 3 });
    await using two = startExecutor(bench, { concurrency: 3 });
    await waitFor("the job's end", async () => {
      await Promise.all([one.executor.turn(), two.executor.turn()]);
      return (await sql`select ended_at from patch_jobs where id = ${job_id}`)[0].ended_at !== null;
    }, { deadline_ms: 30_000 });
    const states = await sql`select distinct state from patch_job_hosts`;
    assert.deepEqual(states.map((row) => row.state), ["succeeded"]);
    for (const agent of [bench.agent, ...agents]) assert.equal(await starts(agent), 1);
  } finally {
    for (const agent of agents) await agent[Symbol.asyncDispose]();
  }
});

Deno.test("a row that breaks the loop is parked with its reason, and the others go on", async () => {
  await using bench = await openBench();
  const { sql, web } = bench.database;
  const other = await startTestAgent();
  try {
    const other_id = await addAgentHost(sql, other);
    await offer(sql, other_id, { name: "bash", to: "2" });
    const order = { kind: "apply" as const, host_ids: [bench.host_id, other_id] };
    const { job_id } = await createJob(web, bench.admin, order, null, callerContext(bench.admin));
    await sql`delete from patch_job_patches where host_id = ${other_id}`;
    await runToEnd(bench, job_id);
    const rows = await sql`select host_id, state, error_code, error, message from patch_job_hosts order by state`;
    assert.deepEqual(rows.map((row) => row.state).sort(), ["failed", "succeeded"]);
    const parked = rows.find((row) => row.host_id === other_id)!;
    assert.equal(parked.error_code, "INTERNAL");
    assert.match(parked.error, /nothing is left to order/);
    assert.ok(bench.lines.some((line) => line.includes("run.parked")));
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

Deno.test("a stop hands rows over at once, and the next worker finishes them", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const { sql } = bench.database;
  const job_id = await bench.order();
  const stopping = new AbortController();
  const executor = createExecutor(bench.context({ signal: stopping.signal }));
  await executor.turn();
  await waitFor("the run", async () => (await stateOf(sql, job_id)).state === "running");
  stopping.abort(new Error("stop"));
  assert.equal(await executor.stop(), 1);
  const [{ free }] = await sql`select lease_until is null and next_at <= app_now() as free from patch_job_hosts`;
  assert.equal(free, true);
  const working = setInterval(() => scheduler.advance(10_000), 5);
  try {
    assert.equal((await runToEnd(bench, job_id)).state, "succeeded");
  } finally {
    clearInterval(working);
  }
  assert.equal(await starts(bench.agent), 1);
});

Deno.test("a held row is renewed while its host works", async () => {
  await using bench = await openBench({ scheduler: new ManualScheduler() });
  const { sql } = bench.database;
  const job_id = await bench.order();
  await using running = startExecutor(bench);
  await running.executor.turn();
  await waitFor("the run", async () => (await stateOf(sql, job_id)).state === "running");
  await sql`update patch_job_hosts set lease_until = app_now() + interval '1 second'`;
  await waitFor("a renewal", async () => {
    const [{ renewed }] =
      await sql`select lease_until > app_now() + interval '20 seconds' as renewed from patch_job_hosts`;
    return renewed;
  });
});

Deno.test("a host whose certificate was revoked gets no order", async () => {
  await using bench = await openBench();
  const job_id = await bench.order();
  const agents = createAgentClient({ ...client_options, clock: systemClock, revoked: { has: () => true } });
  await using running = startExecutor({ ...bench, context: (change) => bench.context({ ...change, agents }) });
  await running.executor.turn();
  const row = await waitFor("the failure", async () => {
    const state = await stateOf(bench.database.sql, job_id);
    return state.state === "waiting" && state;
  });
  assert.equal(row.error_code, "REVOKED");
  assert.deepEqual(await bench.agent.host.jobs(), []);
  agents.close();
});
