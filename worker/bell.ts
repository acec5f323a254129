/**
 * Wakes one waiter. A ring that comes while nobody waits is kept, so none is lost between looking and waiting; many
 * rings count as one.
 */
export class Bell {
  #rung = false;
  #wake: () => void = () => {};

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Forgets rings: whoever rang wanted what is about to be done. */
  clear(): void {
    this.#rung = false;
  }

  /** Returns when the bell was rung since the last wait, after the time, or when the signal says so. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#wake = () => {};
        this.#rung = false;
        resolve();
      };
      const timer = setTimeout(end, this.#rung || signal.aborted ? 0 : Math.max(0, ms));
      signal.addEventListener("abort", end);
      this.#wake = end;
    });
  }
}

/** Waits, but not longer than the signal allows. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Bell().wait(ms, signal);
}
