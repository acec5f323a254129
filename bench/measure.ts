export type Unit = "ms" | "s" | "µs" | "MiB" | "KiB" | "B" | "%" | "a second" | "times";

/** One figure as measured on this machine. */
export interface Figure {
  /** What was done, and which part of it this is: "host list, p95". */
  name: string;
  value: number;
  unit: Unit;
  /** The most that is wanted, or with `least` the least; null where nothing is promised. From the specification's section 16 where it says one. */
  target: number | null;
  least?: true;
}

/** What everybody says who runs benches. */
export interface BenchOptions {
  /** Hosts of the fleet, 10 to 10,000. */
  hosts: number;
}

/** Makes figures of one part of the product; bounded in time at its default size. */
export type Bench = (options: BenchOptions) => Promise<Figure[]>;

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
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))];
}

/** Median and 95th percentile of sorted milliseconds; the target is the latter's. */
export function spread(name: string, sorted: readonly number[], target: number | null): Figure[] {
  return [
    { name: `${name}, median`, value: percentile(sorted, 0.5), unit: "ms", target: null },
    { name: `${name}, p95`, value: percentile(sorted, 0.95), unit: "ms", target },
  ];
}

/** How the figure stands to its target, in words; "" where there is none. */
export function verdict({ value, target, least }: Figure): "" | "met" | "missed" {
  if (target === null) return "";
  return (least ? value >= target : value <= target) ? "met" : "missed";
}

/** Three digits, as many as such figures mean. */
export function rounded(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Figures as lines of a table. */
export function tableOf(figures: readonly Figure[]): string[] {
  return figures.map((figure) => {
    const { name, value, unit, target, least } = figure;
    const wanted = target === null ? "" : `${least ? "≥" : "≤"} ${rounded(target)} ${unit}`;
    return `${name.padEnd(64)} ${rounded(value).padStart(9)} ${unit.padEnd(9)} ${wanted.padEnd(18)} ${verdict(figure)}`
      .trimEnd();
  });
}

/** One line for machines. */
export function jsonOf({ name, value, unit, target }: Figure, machine: string): string {
  return JSON.stringify({ name, value: Number(value.toPrecision(4)), unit, target, machine });
}
