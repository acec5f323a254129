import assert from "node:assert/strict";
import { type Clock, systemClock } from "../core/clock.ts";
import { createReboot } from "../core/jobs/create_reboot.ts";
import { ManualScheduler } from "../agent/backends/simulated/scheduler.ts";
import { callerContext } from "../testing/job_scenario.ts";
import { waitFor } from "../testing/wait_for.ts";
import { type AgentClient, AgentError } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { type Bench, letTimePass, openBench, type RunState, runToEnd, stateOf } from "./run_fixture_test.ts";
import type { RunContext } from "./run_context.ts";

type Row = RunState & {
  boot_id_before: string | null;
  boot_id_after: string | null;
  back_by: Temporal.Instant | null;
  phase: string | null;
};
const later = (minutes: number): Clock => ({ now: () => systemClock.now().add({ minutes }) });

function restart(bench: Bench, delay_seconds = 60): Promise<string> {
  const { database, admin, host_id } = bench;
  return createReboot(database.web, admin, host_id, { delay_seconds }, null, callerContext(admin))
    .then(({ job_id }) => job_id);
}

interface Cable {
  pulled: boolean;
  agents: Pick<AgentClient, "request" | "openEvents">;
}

/** The network between us and the host, which can be cut while the host works on. */
function pullable({ agents }: Bench): Cable {
  const cable: Cable = {
    pulled: false,
    agents: {
      request: ((host, request) => cable.pulled ? silence() : agents.request(host, request)) as AgentClient["request"],
      openEvents: ((host, handlers) => {
        if (cable.pulled) return silence();
        return agents.openEvents(host, {
          ...handlers,
          on_message: (event) => cable.pulled || handlers.on_message(event),
        });
      }) as AgentClient["openEvents"],
    },
  };
  return cable;
}

function silence(): Promise<never> {
  return Promise.reject(new AgentError("timeout", "No answer."));
}

/** Works on what is due until the row is as wanted; then nothing works on it any more. */
async function runUntil(bench: Bench, job_id: string, state: string, change: Partial<RunContext> = {}): Promise<Row> {
  const stopping = new AbortController();
  const executor = createExecutor(bench.context({ ...change, signal: stopping.signal }));
  try {
    await waitFor(state, async () => {
      await executor.turn();
      const row = await stateOf(bench.database.sql, job_id);
      if (row.state === state) return true;
      if (executor.running === 0) await letTimePass(bench.database.sql);
      return false;
    });
  } finally {
    stopping.abort(new Error("seen"));
    await executor.stop();
  }
  return await stateOf(bench.database.sql, job_id) as Row;
}

/** Lets simulated time pass until the host's only open job is in a phase. */
async function advanceTo(bench: Bench, scheduler: ManualScheduler, phase: string): Promise<void> {
  await waitFor(phase, async () => {
    scheduler.advance(400);
    return (await bench.agent.host.jobs()).some((job) => job.status === "running" && job.phase === phase);
  });
}

Deno.test("a host that never comes back has failed, in words, and never succeeded", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await restart(bench);
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "reboot-wait");
  const row = await watching;
  await bench.agent.kill();
  assert.equal(row.phase, "reboot-wait");
  const left = (row.back_by!.epochMilliseconds - systemClock.now().epochMilliseconds) / 60_000;
  assert.ok(left > 29 && left <= 31, `${left} minutes until it counts as lost`);
  // Just before that time it is still awaited.
  const early = createExecutor(bench.context({ clock: later(29) }));
  await letTimePass(bench.database.sql);
  await early.turn();
  await early.stop();
  const still = await stateOf(bench.database.sql, job_id);
  assert.deepEqual([still.state, still.communication_failures], ["rebooting", 0]);
  const end = await runToEnd(bench, job_id, { clock: later(32) });
  assert.deepEqual([end.state, end.error_code], ["failed", "REBOOT_ERROR"]);
  assert.match(end.message, /^Restarted\? It did not come back by \d{4}-\d\d-\d\dT/);
  assert.match(end.error ?? "", /patch-agent running/);
});

Deno.test("a host that answers and does not restart has failed", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await restart(bench);
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "reboot-wait");
  await watching;
  const end = await runToEnd(bench, job_id, { clock: later(32) });
  assert.deepEqual([end.state, end.error_code], ["failed", "REBOOT_ERROR"]);
  assert.match(end.message, /answers, but it did not restart by/);
});

Deno.test("silence in the middle of a run that may restart is awaited, and a host that goes on is followed again", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await bench.order({ reboot: "needed" });
  const cable = pullable(bench);
  const watching = runUntil(bench, job_id, "rebooting", { agents: cable.agents });
  await advanceTo(bench, scheduler, "install");
  await waitFor("the phase in the database", async () => {
    return (await stateOf(bench.database.sql, job_id) as Row).phase === "install";
  });
  cable.pulled = true;
  const gone = await watching;
  assert.deepEqual([gone.phase, gone.communication_failures], ["install", 0]);
  assert.ok(gone.back_by !== null);
  // It was no restart: the host worked on all the time.
  cable.pulled = false;
  const back = await runUntil(bench, job_id, "running", { agents: cable.agents });
  assert.deepEqual([back.back_by, back.communication_failures], [null, 0]);
});

Deno.test("who was silent since installing and is not back is unknown, not failed", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await bench.order({ reboot: "always" });
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "install");
  await waitFor("the phase in the database", async () => {
    return (await stateOf(bench.database.sql, job_id) as Row).phase === "install";
  });
  await bench.agent.kill();
  await watching;
  const end = await runToEnd(bench, job_id, { clock: later(33) });
  assert.equal(end.state, "unknown");
  assert.match(end.message, /^Silent since it was at work.*do not repeat/);
});

Deno.test("a restarting host may be silent as long as it is back in time", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await restart(bench, 300);
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "reboot-wait");
  await watching;
  await bench.agent.kill();
  const deaf = createExecutor(bench.context());
  for (let turn = 0; turn < 3; turn++) {
    await letTimePass(bench.database.sql);
    await deaf.turn();
    await deaf.stop();
  }
  const silent = await stateOf(bench.database.sql, job_id);
  assert.deepEqual([silent.state, silent.communication_failures, silent.error], ["rebooting", 0, null]);
  // A job that was restarting when its process died has ended meanwhile.
  await bench.agent.revive();
  const end = await runToEnd(bench, job_id) as Row;
  assert.deepEqual([end.state, end.message], ["succeeded", "The host has restarted and answers again."]);
  assert.notEqual(end.boot_id_before, end.boot_id_after);
});

Deno.test("an agent that forgot the job is judged by its boot", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await restart(bench);
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "reboot-wait");
  await watching;
  await bench.agent.kill();
  await bench.agent.revive({ forget: true });
  const end = await runToEnd(bench, job_id) as Row;
  // Its new memory names another start.
  assert.equal(end.state, end.boot_id_before === end.boot_id_after ? "failed" : "succeeded");
});

Deno.test("updates, then a restart in any case: installed, restarted, read again", async () => {
  const scheduler = new ManualScheduler();
  await using bench = await openBench({ scheduler });
  const job_id = await bench.order({ reboot: "always", reboot_delay_seconds: 5 });
  const watching = runUntil(bench, job_id, "rebooting");
  await advanceTo(bench, scheduler, "reboot-wait");
  await watching;
  scheduler.advance(3_600_000);
  const end = await runToEnd(bench, job_id) as Row;
  assert.equal(end.state, "succeeded", end.message);
  assert.match(end.message, /as read from the host\. The host has restarted\.$/);
  assert.notEqual(end.boot_id_before, end.boot_id_after);
});

Deno.test("a restart only when needed is none when nothing asks for it", async () => {
  await using bench = await openBench();
  const { sql } = bench.database;
  const calm = await sql`
    select p.name from host_patches hp join packages p on p.id = hp.package_id join update_offers o on o.id = hp.offer_id
    where not o.requires_reboot and hp.state = 'installable' limit 1`;
  const job_id = await bench.order({ reboot: "needed", packages: [{ name: calm[0].name }] });
  const end = await runToEnd(bench, job_id) as Row;
  assert.match(end.message, /No restart was needed\.$/);
  assert.equal(end.boot_id_before, end.boot_id_after);
  const [job] = await bench.agent.host.jobs();
  assert.equal(job.status, "completed");
});
