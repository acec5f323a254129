import { claimDuePolls } from "../core/hosts/claim_due_polls.ts";
import { parkPoll } from "../core/hosts/finish_poll.ts";
import type { ClaimedPoll } from "../core/hosts/types.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { readSettings } from "../core/settings/read_settings.ts";
import type { Settings } from "../core/settings/types.ts";
import { isPassing } from "./passing_failure.ts";
import { type InfoMemory, type PollContext, pollHealth, pollPatches } from "./poll_host.ts";

/** Longer than two answers may take, one of them asked for twice, with time to write them down. */
const LEASE_MS = 180_000;
/** How long settings are believed, in milliseconds. */
const SETTINGS_MS = 5_000;

export interface PollerOptions extends PollContext {
  log: Log;
  /** Claims nothing any more; what is on its way goes on until the context's signal. */
  stopping: AbortSignal;
  /** A place became free. */
  on_free?: () => void;
}

/** Asks hosts that are due, each for itself: one that fails or is slow costs its own place and nobody else's. */
export interface Poller {
  /** Takes what is due, as far as there is room. True when more may be due at once. */
  turn(): Promise<boolean>;
  /** Hosts that are being asked. */
  readonly running: number;
  /** Polls that ended since the start. */
  readonly ended: number;
  /** Waits for what is on its way. */
  idle(): Promise<void>;
}

export function createPoller(options: PollerOptions): Poller {
  const { sql, log, stopping, on_free = () => {} } = options;
  const running = new Set<Promise<void>>();
  const memory: InfoMemory = new Map();
  let ended = 0;
  let settings: { values: Settings; read_at: number } | null = null;

  const currentSettings = async (): Promise<Settings> => {
    if (!settings || performance.now() - settings.read_at >= SETTINGS_MS) {
      settings = { values: await readSettings(sql), read_at: performance.now() };
    }
    return settings.values;
  };

  return {
    get running() {
      return running.size;
    },
    get ended() {
      return ended;
    },
    async turn() {
      if (stopping.aborted) return false;
      const values = await currentSettings();
      const room = values["poll.concurrency"] - running.size;
      if (room <= 0) return false;
      const polls = await claimDuePolls(sql, { limit: room, lease_ms: LEASE_MS });
      for (const poll of polls) {
        const work = pollOne(options, poll, values, memory, log).finally(() => {
          running.delete(work);
          ended++;
          on_free();
        });
        running.add(work);
      }
      return polls.length === room && running.size < values["poll.concurrency"];
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** Never rejects: what nobody foresaw parks this poll, and the others go on. */
async function pollOne(
  context: PollContext,
  poll: ClaimedPoll,
  settings: Settings,
  memory: InfoMemory,
  log: Log,
): Promise<void> {
  const { sql, signal } = context;
  try {
    const interval_ms = settings[`poll.${poll.kind}_interval_seconds`] * 1_000;
    const timeout_ms = settings[`poll.${poll.kind}_timeout_seconds`] * 1_000;
    if (poll.kind === "health") await pollHealth(context, poll, { interval_ms, timeout_ms }, memory);
    else await pollPatches(context, poll, { interval_ms, timeout_ms });
  } catch (error) {
    if (signal.aborted) return;
    // Not the host's fault: the lease ends, and the poll is due again.
    if (isPassing(error)) return log.warn("poll.interrupted", { host_id: poll.host_id, message: reason(error) });
    log.error("poll.parked", { host_id: poll.host_id, message: reason(error) });
    await parkPoll(sql, poll, reason(error)).catch((again) => {
      log.error("poll.not_parked", { host_id: poll.host_id, message: reason(again) });
    });
  }
}
