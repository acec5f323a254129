import { type Figure, percentile } from "./measure.ts";

const EVERY_MS = 10;

/**
 * Watches how late this process's event loop is: whatever else it does, a timer of 10 ms must come. Start it around the
 * work, ask for the figures at its end.
 */
export class LoopDelay implements Disposable {
  readonly late: number[] = [];
  #due = performance.now() + EVERY_MS;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.late.push(Math.max(0, now - this.#due));
    this.#due = now + EVERY_MS;
  }, EVERY_MS);

  figures(name: string): Figure[] {
    return loopFigures(name, this.late);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Figures of how late an event loop was at its turns, in milliseconds. */
export function loopFigures(name: string, late: number[]): Figure[] {
  const sorted = late.toSorted((a, b) => a - b);
  if (sorted.length === 0) throw new Error("The loop never turned while it was watched.");
  return [
    { name: `event loop of ${name}, late by, p99`, value: percentile(sorted, 0.99), unit: "ms", target: null },
    { name: `event loop of ${name}, late by, most`, value: sorted.at(-1)!, unit: "ms", target: null },
  ];
}
