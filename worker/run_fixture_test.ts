import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { claimDueRuns } from "../core/jobs/claim_runs.ts";
import { createJob } from "../core/jobs/create_job.ts";
import type { JobOrderInput, Run } from "../core/jobs/types.ts";
import { createLog, type Log } from "../core/log.ts";
import { client_options } from "../testing/agent_listener.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { addUser, callerContext, type TestUser } from "../testing/job_scenario.ts";
import { addAgentHost, startTestAgent, type TestAgent, type TestAgentOptions } from "../testing/simulated_agent.ts";
import { waitFor } from "../testing/wait_for.ts";
import { type AgentClient, createAgentClient } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { createPoller } from "./poller.ts";
import { type Pace, type RunContext } from "./run_context.ts";

/** Fast, so that a test need not wait; the same order of sizes. */
export const testPace: Pace = {
  poll_ms: 40,
  safety_ms: 2_000,
  flush_ms: 5,
  grace_ms: 200,
  renew_ms: 20,
  restart_ms: 20,
};

/** One agent, its host polled, an admin, and everything that the steps of a run take. */
export interface Bench extends AsyncDisposable {
  database: TestDatabase;
  agent: TestAgent;
  agents: AgentClient;
  admin: TestUser;
  host_id: string;
  /** Lines of the fleet role's log. */
  lines: string[];
  context(change?: Partial<RunContext>): RunContext;
  order(input?: Partial<JobOrderInput>): Promise<string>;
}

export async function openBench(options: TestAgentOptions = {}): Promise<Bench> {
  const database = await testDatabase();
  const agent = await startTestAgent(options);
  const agents = createAgentClient(client_options);
  const admin = await addUser(database.sql, "admin");
  const host_id = await addAgentHost(database.sql, agent);
  const lines: string[] = [];
  const log: Log = createLog({ level: "debug", write: (line) => void lines.push(line) });
  const never = new AbortController().signal;
  const poller = createPoller({
    ...{ sql: database.fleet, agents, clock: systemClock, log },
    signal: never,
    stopping: never,
  });
  await poller.turn();
  await poller.idle();
  return {
    ...{ database, agent, agents, admin, host_id, lines },
    context: (change = {}) => ({
      ...{ sql: database.fleet, agents, clock: systemClock, log, signal: never, pace: testPace },
      ...change,
    }),
    async order(input = {}) {
      const order = { kind: "apply" as const, host_ids: [host_id], ...input };
      return (await createJob(database.web, admin, order, null, callerContext(admin))).job_id;
    },
    async [Symbol.asyncDispose]() {
      agents.close();
      await agent[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The only due run. */
export async function claimOne(sql: Sql): Promise<Run> {
  const runs = await claimDueRuns(sql, 10);
  assert.equal(runs.length, 1);
  return runs[0];
}

/** As if 30 s, or the pause before a retry, had passed: whoever held the row is dead. */
export async function letTimePass(owner: Sql): Promise<void> {
  await owner`
    update patch_job_hosts set next_at = app_now() - interval '1 second',
      lease_until = case when lease_until is null then null else app_now() - interval '1 second' end
    where ended_at is null`;
}

export interface RunState {
  state: string;
  message: string;
  error: string | null;
  error_code: string | null;
  attempt: number;
  fence: number;
  progress: number;
  communication_failures: number;
  run_id: string;
  agent_job_id: string | null;
  dispatched_at: Temporal.Instant | null;
}

export async function stateOf(owner: Sql, job_id: string): Promise<RunState> {
  const [row] = await owner<RunState[]>`select * from patch_job_hosts where job_id = ${job_id}`;
  return row;
}

/** Works on whatever is due, skipping pauses, until the job has ended; then says how. */
export async function runToEnd(bench: Bench, job_id: string, change: Partial<RunContext> = {}): Promise<RunState> {
  const stopping = new AbortController();
  const executor = createExecutor(bench.context({ ...change, signal: stopping.signal }));
  try {
    await waitFor("the job's end", async () => {
      await executor.turn();
      const [job] = await bench.database.sql`select ended_at from patch_jobs where id = ${job_id}`;
      if (job.ended_at !== null) return true;
      if (executor.running === 0) await letTimePass(bench.database.sql);
      return false;
    }, { deadline_ms: 60_000 });
    return await stateOf(bench.database.sql, job_id);
  } finally {
    stopping.abort(new Error("the test is done"));
    await executor.stop();
  }
}

/** How often a package manager was started on the host: once per run that is not a dry run. */
export async function starts(agent: TestAgent): Promise<number> {
  return (await agent.host.jobs()).filter((job) => job.operation === "apply" && job.started_at !== null).length;
}
