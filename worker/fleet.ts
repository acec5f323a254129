import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { listen, type Sql } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { AgentClient } from "./agent_client.ts";
import { createExecutor } from "./executor.ts";
import { beat, HEARTBEAT_INTERVAL_MS } from "./heartbeat.ts";
import { type Loop, startLoop } from "./loop.ts";
import { createPoller, POLL_TICK_MS } from "./poller.ts";
import {
  CONTENTS_INTERVAL_MS,
  pruneOldRows,
  pruneUnused,
  RETENTION_INTERVAL_MS,
  SWEEP_INTERVAL_MS,
  sweepJobs,
} from "./retention.ts";
import { createRenewer, RENEWAL_INTERVAL_MS } from "./renewer.ts";
import { REVOCATION_INTERVAL_MS, RevocationPusher } from "./revocation_pusher.ts";
import { REVOKED_INTERVAL_MS, type RevokedSerials } from "./revoked_serials.ts";
import { type Pace, standardPace } from "./run_context.ts";

/** How often jobs are looked for when nobody calls, in milliseconds. */
export const SLOW_READ_MS = 5_000;
/** A loop that has not turned for so long beyond its interval is stuck: a statement ends after 30 s. */
const STUCK_MS = 90_000;
/** Places that become free one after the other are filled together. */
const REFILL_MS = 20;

/** Payload of the channel wake_fleet: what changed, and the id of the first one. */
const Wake = z.object({ kind: z.string(), id: z.string() });

export interface FleetOptions {
  sql: Sql;
  agents: AgentClient;
  revoked: RevokedSerials;
  clock: Clock;
  log: Log;
  version: string;
  /** Nothing new is begun after it. */
  signal: AbortSignal;
  /** Names a loop for the supervisor; see core/role.ts. */
  loop(name: string, limit_ms: number): () => void;
  pace?: Pace;
  /** For tests: jobs and polls are looked for so seldom when nobody calls. */
  slow_read_ms?: number;
}

export interface Fleet {
  /** Numbers for /metrics. */
  metrics(): Record<string, number>;
  /** After the signal: hands over what runs, and waits for polls on their way as long as it may. */
  stop(deadline_ms: number): Promise<void>;
}

/** Starts the loops of the fleet role: polling, jobs, renewals, revoked certificates, heartbeat, retention. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { sql, agents, revoked, clock, log, signal, slow_read_ms = SLOW_READ_MS, pace = standardPace } = options;
  await revoked.refresh(sql);
  const heart = { instance: uuidv7(clock), version: options.version, started_at: clock.now() };
  const turned = new Map<string, number>();
  const cut_polls = new AbortController();

  const start = (name: string, interval_ms: number, turn: () => Promise<boolean>): Loop => {
    const tell = options.loop(name, interval_ms + STUCK_MS);
    const moved = () => {
      turned.set(name, performance.now());
      tell();
    };
    return startLoop({ name, interval_ms, turn, signal, beat: moved, log });
  };
  const refill = (wake: () => void) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        wake();
      }, REFILL_MS);
    };
  };

  const poller = createPoller({
    ...{ sql, agents, clock, log },
    signal: cut_polls.signal,
    stopping: signal,
    on_free: refill(() => polls.wake()),
  });
  const executor = createExecutor({ sql, agents, clock, log, signal, pace, on_free: refill(() => jobs.wake()) });
  const polls = start("poller", options.slow_read_ms ?? POLL_TICK_MS, () => poller.turn());
  const jobs = start("executor", slow_read_ms, () => executor.turn());
  const renewer = createRenewer({ sql, agents, log, signal, on_free: refill(() => renewals.wake()) });
  const renewals = start("renewals", RENEWAL_INTERVAL_MS, () => renewer.turn());
  const pusher = new RevocationPusher({ sql, agents, log, signal });
  const lists = start("revocation_lists", REVOCATION_INTERVAL_MS, () => pusher.turn());
  const trust = start("revoked", REVOKED_INTERVAL_MS, () => revoked.refresh(sql).then(() => false));
  const loops = [
    ...[polls, jobs, trust, renewals, lists],
    start("retention", RETENTION_INTERVAL_MS, () => pruneOldRows(sql, log)),
    start("contents", CONTENTS_INTERVAL_MS, () => pruneUnused(sql, log)),
    start("sweeper", SWEEP_INTERVAL_MS, () => sweepJobs(sql, clock, log)),
    start("heartbeat", HEARTBEAT_INTERVAL_MS, async () => {
      const now = performance.now();
      await beat(sql, heart, Object.fromEntries([...turned].map(([name, at]) => [name, now - at])), clock);
      return false;
    }),
  ];

  const wakeAll = () => {
    polls.wake();
    jobs.wake();
    trust.wake();
    renewals.wake();
    lists.wake();
    executor.lookAgain();
  };
  const listener = await listen(
    sql,
    "wake_fleet",
    (payload) => {
      const kind = kindOf(payload);
      if (kind === "poll") polls.wake();
      else if (kind === "job") {
        jobs.wake();
        executor.lookAgain();
      } else if (kind === "renewal") renewals.wake();
      else if (kind === "crl") lists.wake();
      else wakeAll();
    },
    wakeAll,
    log,
  );

  return {
    metrics: () => ({
      polls_running: poller.running,
      polls_total: poller.ended,
      job_hosts_running: executor.running,
      renewals_running: renewer.running,
    }),
    async stop(deadline_ms) {
      const cut = setTimeout(
        () => cut_polls.abort(new Error("The fleet role stops.")),
        Math.max(0, deadline_ms - 2_000),
      );
      await listener.stop();
      await Promise.all(loops.map((loop) => loop.done));
      const handed_over = await executor.stop();
      await poller.idle();
      await renewer.idle();
      clearTimeout(cut);
      agents.close();
      log.info("fleet.stopped", { count: handed_over });
    },
  };
}

/** What changed; null when the payload is not as expected, which is a reason to look at everything. */
function kindOf(payload: string): string | null {
  try {
    return Wake.parse(JSON.parse(payload)).kind;
  } catch {
    return null;
  }
}
