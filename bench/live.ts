import { createExecutor } from "../worker/executor.ts";
import { createAgentClient } from "../worker/agent_client.ts";
import { createPoller } from "../worker/poller.ts";
import { standardPace } from "../worker/run_context.ts";
import { systemClock } from "../core/clock.ts";
import { createJob } from "../core/jobs/create_job.ts";
import { silentLog } from "../core/log.ts";
import { client_options } from "../testing/agent_listener.ts";
import { callerContext } from "../testing/job_scenario.ts";
import { type LiveClient, openLive } from "../testing/live_client.ts";
import { addAgentHost, startTestAgent } from "../testing/simulated_agent.ts";
import { realScheduler } from "../agent/backends/simulated/scheduler.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";
import { type Figure, spread } from "./measure.ts";

const BROWSERS = 100;
/** Sockets of one session; the relay allows twenty. */
const EACH = 10;
/** How many times as fast as a real host's the job runs: some thirty events within some seconds. */
const SPEED = 4;

/**
 * From the moment at which an agent says something of a job until each of 100 browsers has it: agent, fleet role,
 * database, relay and TLS sockets are the real ones. All of them and the browsers share this one process, so that one
 * clock measures; in production they are four.
 */
export async function benchLive(): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack();
  const site = cleanup.use(await testSite());
  const agent = cleanup.use(await startTestAgent({ scheduler: realScheduler(SPEED) }));
  const agents = createAgentClient(client_options);
  cleanup.defer(() => agents.close());
  const host_id = await addAgentHost(site.database.sql, agent);
  const sql = site.database.fleet;
  const stopping = new AbortController();
  const common = { sql, agents, clock: systemClock, log: silentLog };
  const poller = createPoller({ ...common, signal: stopping.signal, stopping: stopping.signal });
  await poller.turn();
  await poller.idle();
  const admin = await site.signIn("admin");
  const user = {
    id: admin.user_id,
    role: "admin" as const,
    sees: admin.user_id,
    authenticated_at: systemClock.now(),
    token: null,
  };
  const order = { kind: "apply" as const, host_ids: [host_id] };
  const { job_id } = await createJob(site.database.web, user, order, null, callerContext(user));
  const clients = await openClients(site, job_id);
  cleanup.defer(() => clients.forEach((client) => client[Symbol.dispose]()));

  const times: number[] = [];
  const said: { progress: number; at: number }[] = [];
  cleanup.defer(
    agent.host.watch((event) => void said.push({ progress: event.progress_percent ?? 0, at: performance.now() })),
  );
  const looks = clients.map((client) => follow(client, said, times));
  const executor = createExecutor({ ...common, signal: stopping.signal, pace: standardPace });
  cleanup.defer(async () => {
    stopping.abort(new Error("the bench is done"));
    await executor.stop();
  });
  await executor.turn();
  await waitFor("the job's end", async () => {
    const [job] = await site.database.sql`select ended_at from patch_jobs where id = ${job_id}`;
    return job.ended_at !== null;
  }, { deadline_ms: 120_000, every_ms: 200 });
  for (const stop of looks) stop();
  if (times.length < BROWSERS) throw new Error(`Only ${times.length} events reached a browser.`);
  return spread(`job event, agent to each of ${BROWSERS} browsers`, times.sort((a, b) => a - b), 250);
}

async function openClients(site: TestSite, job_id: string): Promise<LiveClient[]> {
  const clients: LiveClient[] = [];
  while (clients.length < BROWSERS) {
    const viewer = await site.signIn("auditor");
    for (let n = 0; n < EACH; n++) {
      const { json } = await viewer.post("/api/v1/ws/ticket");
      const client = await openLive(site, json.ticket, { origin: site.origin });
      if ("refused" in client) throw new Error(`A browser was refused: ${client.refused} ${client.body}`);
      client.subscribe({ topic: `job:${job_id}` });
      clients.push(client);
    }
  }
  await Promise.all(clients.map((client) => client.frame("the subscription", () => true)));
  return clients;
}

/** Notes when this browser has what the agent said: a frame with a progress tells of everything up to it. */
function follow(client: LiveClient, said: { progress: number; at: number }[], times: number[]): () => void {
  let seen = client.frames.length;
  let told = 0;
  const push = client.frames.push.bind(client.frames);
  client.frames.push = (...frames) => {
    const now = performance.now();
    const length = push(...frames);
    for (; seen < length; seen++) {
      const { kind, data } = client.frames[seen];
      if (kind !== "progress") continue;
      const progress = Number(data?.progress);
      for (; told < said.length && said[told].progress <= progress; told++) times.push(now - said[told].at);
    }
    return length;
  };
  return () => void (client.frames.push = push);
}
