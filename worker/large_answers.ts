import { AgentError } from "./agent_error.ts";

/** What every answer may weigh without asking, in bytes: the lists of a host with some thousand packages. */
export const FREE_ANSWER_BYTES = 2 ** 20;
/**
 * Polls that may hold larger answers at once. One of 16 MiB needs some 100 MiB until it is written down, and what is left
 * of it is collected later: see docs/hostile-hosts.md.
 */
export const LARGE_PLACES = 2;
/** How long a poll waits for a place, in milliseconds; then it is asked again later. Below the poll's lease. */
export const LARGE_WAIT_MS = 25_000;
/** How long a large answer may take while others wait for its place, in milliseconds. */
export const LARGE_HOLD_MS = 10_000;

/**
 * The right to hold one large answer after the other, from its first byte beyond {@link FREE_ANSWER_BYTES} until what
 * was in it has been written down. Whoever makes one releases it.
 */
export interface LargeTurn {
  /** True while it has a place. */
  readonly taken: boolean;
  /** Takes a place if one is free and nobody waits. */
  tryTake(): boolean;
  /** Waits for a place. Throws AgentError `busy` when none became free in time, or the signal's reason. */
  take(signal?: AbortSignal): Promise<void>;
  release(): void;
}

/**
 * Bounds what answers of all hosts together occupy. TLS streams know no back-pressure here: what is on its way lands in
 * memory, so a host whose answer is too large for now is cut off and asked again when it is its turn.
 */
export class LargeAnswers {
  #free: number;
  #waiting: { start: () => void }[] = [];
  readonly #wait_ms: number;
  readonly hold_ms: number;

  constructor(options: { places?: number; wait_ms?: number; hold_ms?: number } = {}) {
    this.#free = options.places ?? LARGE_PLACES;
    this.#wait_ms = options.wait_ms ?? LARGE_WAIT_MS;
    this.hold_ms = options.hold_ms ?? LARGE_HOLD_MS;
  }

  /** Polls that wait for a place. */
  get waiting(): number {
    return this.#waiting.length;
  }

  turn(): LargeTurn {
    let taken = false;
    let released = false;
    const tryTake = () => {
      if (taken) return true;
      if (this.#free === 0 || this.#waiting.length > 0) return false;
      this.#free--;
      return taken = true;
    };
    return {
      get taken() {
        return taken;
      },
      tryTake,
      take: async (signal) => {
        signal?.throwIfAborted();
        if (tryTake()) return;
        await this.#wait(signal);
        if (released) this.#next();
        else taken = true;
      },
      release: () => {
        released = true;
        if (!taken) return;
        taken = false;
        this.#next();
      },
    };
  }

  /** Hands the place on to who waits longest. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#free++;
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { start: resolve };
    const leave = (why: unknown) => {
      const at = this.#waiting.indexOf(entry);
      // Not found: the place is ours already.
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(why);
    };
    this.#waiting.push(entry);
    const timer = setTimeout(() => leave(busy()), this.#wait_ms);
    const on_abort = () => leave(signal!.reason);
    signal?.addEventListener("abort", on_abort);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", on_abort);
    }
  }
}

function busy(): AgentError {
  return new AgentError("busy", "Other hosts' large answers are being read first; this host is asked again soon.");
}
