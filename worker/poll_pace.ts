/**
 * How many polls may begin now. Hosts have their places within the interval, so a fleet in order never bunches; one
 * whose polls are all overdue (the manager was down, the database was away) would be asked in one burst. It is caught
 * up with at twice the usual rate instead: with what may be saved up, never more than 2.5 times the mean in any
 * second. What a person asked for is not counted here and does not wait.
 */
export class PollPace {
  #mean = 0;
  #saved = Infinity;
  #at: number;

  /** @param now milliseconds that only grow. */
  constructor(readonly now: () => number = () => performance.now()) {
    this.#at = now();
  }

  /** Polls per second when every host answers. */
  setMean(per_second: number): void {
    this.#mean = per_second;
  }

  /** How many may begin at this moment, 0 or more: after more than there was room for (see {@link spend}) it is 0. */
  get room(): number {
    const now = this.now();
    const rate = Math.max(SMALL, 2 * this.#mean);
    this.#saved = Math.min(this.#saved + (now - this.#at) / 1_000 * rate, Math.max(SMALL / 2, this.#mean / 2));
    this.#at = now;
    return Math.max(0, Math.floor(this.#saved + 1e-9));
  }

  /** So many have begun; what a person asked for and failed before counts too, and may be more than there was room for. */
  spend(count: number): void {
    this.#saved -= count;
  }
}

/** A small fleet is no burden whatever it does: so many may begin in each second, half of them at once. */
const SMALL = 8;
