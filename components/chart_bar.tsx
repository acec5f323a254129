import type { Tone } from "./shape.tsx";

/** One piece of a bar. `none` is for what nobody knows. */
export interface BarPart {
  name: string;
  count: number;
  tone: Tone | "none";
}

/** Percent of the width below which a piece that is there could not be seen. */
const LEAST = 1;

/**
 * Parts of a whole as one bar, as wide as its place; names and numbers stand beside it, in the same order. What is
 * there is always seen: a very small part is drawn somewhat wider than it is.
 */
export function ChartBar({ label, parts }: { label: string; parts: BarPart[] }) {
  return (
    <svg
      class="chart-bar"
      role="img"
      aria-label={`${label}: ${parts.map(({ name, count }) => `${count.toLocaleString("en")} ${name}`).join(", ")}`}
    >
      {barPieces(parts).map(({ name, tone, x, width }) => (
        <rect key={name} class={`tone-${tone}`} x={`${x}%`} y="0" width={`${width}%`} height="100%" />
      ))}
    </svg>
  );
}

/** Where each part begins and how wide it is, in percent; parts of nothing are left out. */
export function barPieces(parts: BarPart[]): (BarPart & { x: number; width: number })[] {
  const there = parts.filter(({ count }) => count > 0);
  const total = there.reduce((sum, { count }) => sum + count, 0);
  const wanted = there.map(({ count }) => Math.max(LEAST, count * 100 / total));
  const all = wanted.reduce((sum, width) => sum + width, 0);
  let x = 0;
  return there.map((part, index) => {
    const width = round(wanted[index] * 100 / all);
    const piece = { ...part, x: round(x), width };
    x += width;
    return piece;
  });
}

/** Two digits are less than a tenth of a pixel on a wall screen. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
