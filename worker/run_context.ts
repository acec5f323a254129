import type { Clock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import type { Run } from "../core/jobs/types.ts";
import type { Log } from "../core/log.ts";
import type { AgentAddress, AgentClient } from "./agent_client.ts";

/** Times of following a run, in milliseconds. */
export interface Pace {
  /** Between two questions when the host pushes nothing. */
  poll_ms: number;
  /** Between two questions although the host pushes: a push may get lost. */
  safety_ms: number;
  /** Between two writes of progress of one host. */
  flush_ms: number;
  /** How long a host may be silent in the middle of a run before that counts as a communication failure. */
  grace_ms: number;
  /** Between two renewals of a lease. */
  renew_ms: number;
  /** Between two looks at a host that restarts. */
  restart_ms: number;
}

export const standardPace: Pace = {
  poll_ms: 2_000,
  safety_ms: 30_000,
  flush_ms: 100,
  grace_ms: 60_000,
  renew_ms: 10_000,
  restart_ms: 15_000,
};

/** What the steps of a run work with. */
export interface RunContext {
  sql: Sql;
  agents: Pick<AgentClient, "request" | "openEvents">;
  clock: Clock;
  log: Log;
  /** The worker stops, or the row's lease was lost: no step begins anything new. */
  signal: AbortSignal;
  pace: Pace;
}

/** How to reach the host of a run. */
export function addressOf(run: Pick<Run, "host_id" | "address" | "port" | "tls_name">): AgentAddress {
  return {
    id: run.host_id,
    address: run.address,
    port: run.port,
    tls_name: run.tls_name === run.address ? null : run.tls_name,
  };
}

/** Milliseconds until the deadline; negative after it. */
export function leftUntilDeadline(run: Run, clock: Clock): number {
  return run.deadline_at.epochMilliseconds - clock.now().epochMilliseconds;
}
