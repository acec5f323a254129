import { SimulatedHost } from "../agent/backends/simulated/host.ts";
import { type HostStore, memoryStore } from "../agent/backends/simulated/host_state.ts";
import { realScheduler, type Scheduler } from "../agent/backends/simulated/scheduler.ts";
import { makeTraits, type Traits, type Trouble } from "../agent/backends/simulated/traits.ts";
import { type AgentServer, startAgentServer } from "../agent/server.ts";
import { standardTraffic, type TrafficLimits } from "../agent/server/traffic.ts";
import { systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { silentLog } from "../core/log.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "../protocol/peer.ts";
import { good, root } from "./agent_listener.ts";
import { addHost } from "./job_scenario.ts";

/** A real agent listener with a simulated host behind it. */
export interface TestAgent extends AsyncDisposable {
  readonly traits: Traits;
  readonly port: number;
  readonly host: SimulatedHost;
  /** Ends the listener and the host, as kill -9 would; what was saved stays. */
  kill(): Promise<void>;
  /** Comes back on the same port. `forget` is a host that lost its state folder. */
  revive(options?: { forget?: boolean }): Promise<void>;
}

export interface TestAgentOptions {
  trouble?: Trouble;
  scheduler?: Scheduler;
  traffic?: Partial<TrafficLimits>;
}

/** The first simulated host with that trouble that has updates pending. */
export function traitsWith(trouble: Trouble): Traits {
  for (let index = 0; index < 5_000; index++) {
    const traits = makeTraits(1, index);
    if (traits.trouble === trouble) return traits;
  }
  throw new Error(`no simulated host is ${trouble}`);
}

/** Starts an agent on a free port of 127.0.0.1; its jobs take milliseconds unless it gets another scheduler. */
export async function startTestAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const traits = traitsWith(options.trouble ?? "none");
  const scheduler = options.scheduler ?? realScheduler(1_000);
  let store: HostStore = memoryStore();
  let running: { host: SimulatedHost; server: AgentServer } | null = null;
  let port = 0;
  const start = async () => {
    const host = await SimulatedHost.open(traits, store, scheduler, systemClock);
    const check = createPeerCheck({ ca: root.ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock });
    const server = await startAgentServer({
      operations: host,
      credentials: { ca: root.ca, certificate: good.certificate, key: good.key },
      check: () => check,
      allowed: null,
      network: () => ({
        crl_status: "valid",
        crl_age_seconds: 0,
        crl_next_update: null,
        clock: "ok",
        problems: [],
      }),
      hostname: "127.0.0.1",
      port,
      version: "0.1.0",
      clock: systemClock,
      log: silentLog,
      traffic: { ...standardTraffic, rate: 1_000, burst: 10_000, ...options.traffic },
    });
    port = server.port;
    running = { host, server };
  };
  const kill = async () => {
    const ending = running;
    running = null;
    await ending?.server.close();
    await ending?.host.close();
  };
  await start();
  return {
    traits,
    get port() {
      return port;
    },
    get host() {
      if (!running) throw new Error("the agent is not running");
      return running.host;
    },
    kill,
    async revive({ forget = false } = {}) {
      if (forget) store = memoryStore();
      await start();
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** Registers the agent's host, with both polls due. */
export async function addAgentHost(sql: Sql, agent: { port: number }, groups: string[] = []): Promise<string> {
  const id = await addHost(sql, { address: "127.0.0.1", port: agent.port, groups });
  await sql`
    insert into host_polls (host_id, kind, next_at)
    select ${id}, kind, app_now() from unnest(array['health', 'patches']) kind`;
  await sql`insert into host_patch_data (host_id) values (${id}) on conflict do nothing`;
  await sql`insert into host_counters (host_id) values (${id}) on conflict do nothing`;
  return id;
}
