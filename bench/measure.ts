/** One figure of the specification's table (section 16), as measured on this machine. */
export interface Figure {
  /** What was done. */
  work: string;
  /** What was measured, with its unit. */
  measured: string;
  /** What is wanted. */
  target: string;
}

/** Milliseconds of each call, sorted. */
export async function timeEach(times: number, work: (n: number) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) {
    const started = performance.now();
    await work(n);
    all.push(performance.now() - started);
  }
  return all.sort((a, b) => a - b);
}

/** The value below which this share of sorted values lies. @param share 0 to 1 */
export function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** Median and 95th percentile in words. */
export function spread(sorted: number[]): string {
  return `median ${milliseconds(percentile(sorted, 0.5))}, p95 ${milliseconds(percentile(sorted, 0.95))}`;
}
