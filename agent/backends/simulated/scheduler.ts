/** Calls something later. Jobs of simulated hosts live on one, so that a test can let an hour pass without waiting. */
export interface Scheduler {
  /** Calls back after so many milliseconds of simulated time; answers how to take it back. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Real timers, `speed` times as fast: 1 is real time, 60 makes a minute a second. */
export function realScheduler(speed: number): Scheduler {
  return {
    after(milliseconds, callback) {
      const timer = setTimeout(callback, milliseconds / speed);
      return () => clearTimeout(timer);
    },
  };
}

/** Time that passes only when told to. */
export class ManualScheduler implements Scheduler {
  #now = 0;
  #order = 0;
  readonly #waiting = new Map<number, { at: number; callback: () => void }>();

  after(milliseconds: number, callback: () => void): () => void {
    const key = this.#order++;
    this.#waiting.set(key, { at: this.#now + milliseconds, callback });
    return () => void this.#waiting.delete(key);
  }

  /** How many calls are outstanding. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Lets time pass; what comes due meanwhile is called in order, also what is added on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#waiting].filter(([, one]) => one.at <= end)
        .sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (!due) break;
      this.#waiting.delete(due[0]);
      this.#now = due[1].at;
      due[1].callback();
    }
    this.#now = end;
  }
}
