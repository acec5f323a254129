import { claimDuePolls } from "../core/hosts/claim_due_polls.ts";
import { measurePollRate } from "../core/hosts/measure_poll_rate.ts";
import { parkPoll } from "../core/hosts/finish_poll.ts";
import type { ClaimedPoll } from "../core/hosts/types.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type EndedHealthPoll, recordHealthPolls } from "../core/patches/record_health_polls.ts";
import { type EndedReportPoll, recordReportPoll, recordUnchangedReports } from "../core/patches/record_report_polls.ts";
import { readSettings } from "../core/settings/read_settings.ts";
import type { Settings } from "../core/settings/types.ts";
import { isPassing } from "./passing_failure.ts";
import { PollPace } from "./poll_pace.ts";
import { type InfoMemory, type PollContext, pollHealth, pollPatches } from "./poll_host.ts";
import { Together } from "./together.ts";

/** Longer than two answers may take, one of them asked for twice, with time to write them down. */
const LEASE_MS = 180_000;
/** How long settings and the size of the fleet are believed, in milliseconds. */
const SETTINGS_MS = 5_000;
/**
 * How often the poller looks for what is due, in milliseconds: often enough that a host's place in the interval is
 * met, and that what became due meanwhile is no bunch.
 */
export const POLL_TICK_MS = 250;
/** Polls of a kind that are landed together at most: so many come at a time, and the locks are held for milliseconds. */
const LANDED_TOGETHER = 64;
/** Of all places hosts that did not answer last time get so many: those that answer never wait for them. */
const FAILING_SHARE = 0.5;

export interface PollerOptions extends PollContext {
  log: Log;
  /** Claims nothing any more; what is on its way goes on until the context's signal. */
  stopping: AbortSignal;
  /** A place became free that somebody may be waiting for. */
  on_free?: () => void;
  /** How many polls may begin at a time; null for a measurement of how fast it can go. */
  pace?: PollPace | null;
}

/** Asks hosts that are due, each for itself: one that fails or is slow costs its own place and nobody else's. */
export interface Poller {
  /**
   * Takes what is due, as far as there is room. Never asks for another turn at once: what is left waits for its time
   * or for a place.
   */
  turn(): Promise<false>;
  /** Hosts that are being asked. */
  readonly running: number;
  /** Polls that ended since the start. */
  readonly ended: number;
  /** Waits for what is on its way. */
  idle(): Promise<void>;
}

export function createPoller(options: PollerOptions): Poller {
  const { sql, stopping, on_free = () => {}, pace = new PollPace() } = options;
  const running = new Map<Promise<void>, ClaimedPoll>();
  const memory: InfoMemory = new Map();
  const land = landing(options);
  let ended = 0;
  let full = false;
  let settings: { values: Settings; read_at: number } | null = null;

  const currentSettings = async (): Promise<Settings> => {
    if (!settings || performance.now() - settings.read_at >= SETTINGS_MS) {
      const values = await readSettings(sql);
      const health = values["poll.health_interval_seconds"] * 1_000;
      const patches = values["poll.patches_interval_seconds"] * 1_000;
      pace?.setMean(await measurePollRate(sql, { health, patches }));
      settings = { values, read_at: performance.now() };
    }
    return settings.values;
  };
  const begin = (poll: ClaimedPoll, values: Settings) => {
    const work = pollOne(options, poll, values, { memory, land }).finally(() => {
      running.delete(work);
      ended++;
      if (full) on_free();
    });
    running.set(work, poll);
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
      const places = values["poll.concurrency"];
      const limit = places - running.size;
      full = limit <= 0;
      if (full) return false;
      const paced = Math.min(limit, pace?.room ?? limit);
      const failing = [...running.values()].filter((poll) => poll.failures > 0).length;
      const room = Math.max(0, Math.min(paced, Math.ceil(places * FAILING_SHARE) - failing));
      const polls = await claimDuePolls(sql, { limit, unasked: paced, failing: room, lease_ms: LEASE_MS });
      pace?.spend(polls.filter((poll) => !poll.requested || poll.failures > 0).length);
      for (const poll of polls) begin(poll, values);
      full = running.size >= places;
      return false;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running.keys());
    },
  };
}

/** Where polls are written down, many at a time when many end. */
interface Landing {
  health: Together<EndedHealthPoll>;
  reports: Together<EndedReportPoll>;
}

function landing({ sql, clock }: PollContext): Landing {
  return {
    health: new Together(
      (ended) => recordHealthPolls(sql, ended, { free_only: true }, clock),
      (one) => recordHealthPolls(sql, [one], { free_only: false }, clock),
      LANDED_TOGETHER,
    ),
    reports: new Together(
      (ended) => recordUnchangedReports(sql, ended, clock),
      (one) => recordReportPoll(sql, one, clock),
      LANDED_TOGETHER,
    ),
  };
}

/** Never rejects: what nobody foresaw parks this poll, and the others go on. */
async function pollOne(
  context: PollerOptions,
  poll: ClaimedPoll,
  settings: Settings,
  { memory, land }: { memory: InfoMemory; land: Landing },
): Promise<void> {
  const { sql, signal, log } = context;
  try {
    const interval_ms = settings[`poll.${poll.kind}_interval_seconds`] * 1_000;
    const timeout_ms = settings[`poll.${poll.kind}_timeout_seconds`] * 1_000;
    const limits = { interval_ms, timeout_ms };
    if (poll.kind === "health") await pollHealth(context, poll, limits, memory, (ended) => land.health.add(ended));
    else await pollPatches(context, poll, limits, (ended) => land.reports.add(ended));
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
