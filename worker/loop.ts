import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { Bell, pause } from "./bell.ts";
import { isPassing } from "./passing_failure.ts";

export interface LoopOptions {
  /** For the log: `poller`, `executor`. */
  name: string;
  /** Milliseconds between two turns when nobody wakes the loop. */
  interval_ms: number;
  /** One turn. True when there is more to do at once. */
  turn: () => Promise<boolean>;
  /** Ends the loop after the turn that runs. */
  signal: AbortSignal;
  /** Called at every turn, so that somebody sees the loop move. */
  beat: () => void;
  log: Log;
}

/** A loop that turns when it is woken, and slowly by itself, because a wake-up call may get lost. */
export interface Loop {
  /** Turn again now, or at once after the turn that runs. */
  wake(): void;
  /** Settles when the loop has ended. Never rejects. */
  done: Promise<void>;
}

/** Pauses after failed turns: a database that is away comes back, and nobody gains from asking it in a tight loop. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Starts turning at once. A turn that throws is logged and tried again after a growing pause. */
export function startLoop(options: LoopOptions): Loop {
  const { name, interval_ms, turn, signal, beat, log } = options;
  const bell = new Bell();
  const run = async () => {
    for (let failures = 0; !signal.aborted;) {
      beat();
      bell.clear();
      try {
        const more = await turn();
        failures = 0;
        if (!more) await bell.wait(interval_ms, signal);
      } catch (error) {
        if (signal.aborted) return;
        // A database that is away or busy passes by itself: whoever is called at night for an error finds one.
        log[isPassing(error) ? "warn" : "error"]("loop.failed", { message: `${name}: ${reason(error)}` });
        await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), signal);
      }
    }
  };
  return { wake: () => bell.ring(), done: run() };
}
