/** How much one listener takes on. The manager needs a few calls a minute; everything above that is somebody else's. */
export interface TrafficLimits {
  /** Requests answered at the same time, 1 or more. */
  concurrent: number;
  /** Requests a second in the long run. */
  rate: number;
  /** Requests that may come at once after a silence. */
  burst: number;
  /** Open TCP connections, handshakes included. */
  connections: number;
  /** Open event sockets. */
  sockets: number;
}

export const standardTraffic: TrafficLimits = { concurrent: 16, rate: 20, burst: 100, connections: 64, sockets: 8 };

/**
 * Counts what is under way and refuses the rest: a token bucket for the rate, a counter for what runs at once. One
 * per listener, because only one identity, the manager's, gets past the handshake.
 */
export class Traffic {
  #tokens: number;
  #last: number;
  #running = 0;

  /** `now` answers milliseconds that never go back. */
  constructor(readonly limits: TrafficLimits, readonly now: () => number = () => performance.now()) {
    this.#tokens = limits.burst;
    this.#last = now();
  }

  /** Requests under way. */
  get running(): number {
    return this.#running;
  }

  /**
   * Takes a place. Answers null when there is one ({@link leave} gives it back), else the seconds, 1 or more, after
   * which asking again makes sense.
   */
  enter(): number | null {
    if (this.#running >= this.limits.concurrent) return 1;
    const now = this.now();
    this.#tokens = Math.min(this.limits.burst, this.#tokens + (now - this.#last) / 1000 * this.limits.rate);
    this.#last = now;
    if (this.#tokens < 1) return Math.max(1, Math.ceil((1 - this.#tokens) / this.limits.rate));
    this.#tokens -= 1;
    this.#running += 1;
    return null;
  }

  leave(): void {
    this.#running -= 1;
  }
}
