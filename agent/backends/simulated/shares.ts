import { fraction } from "./random.ts";
import type { Trouble } from "./traits.ts";

/** How many of the hosts are special, each from 0 to 1; together at most 1. The others answer at once. */
export interface Shares {
  /** In equal parts silent (takes connections and says nothing) and refusing (nothing listens). */
  dead: number;
  /** Answers after two to six seconds. */
  slow: number;
  /** Breaks a twentieth of its connections and stalls for two seconds before a tenth of its answers. */
  flaky: number;
  /** The script of one package fails at every apply. */
  failing: number;
}

/** The share of neighbours in the golden ratio: any number of hosts in a row is spread as evenly as can be. */
const GOLDEN = 0.6180339887498949;

/** What the hosts without trouble are like: most are some updates behind, some are current or wait for a restart. */
const calm: readonly Trouble[] = [
  ...["none", "none", "reboot_due", "none", "current"] as const,
  ...["none", "held", "none", "none", "none"] as const,
  ...["current", "none", "phased", "none", "none"] as const,
  ...["reboot_due", "none", "none", "current", "none"] as const,
];

/** The trouble of one host. Same shares and same seed, same hosts; a fleet of any size has its shares. */
export function troubleByShare(shares: Shares, seed: number, index: number): Trouble {
  let place = (fraction(seed, "shares") + index * GOLDEN) % 1;
  const parts: [Trouble, number][] = [
    ["silent", shares.dead / 2],
    ["refusing", shares.dead / 2],
    ["slow", shares.slow],
    ["flaky", shares.flaky],
    ["failing", shares.failing],
  ];
  for (const [trouble, share] of parts) {
    if (place < share) return trouble;
    place -= share;
  }
  return calm[Math.floor(fraction(seed, index, "calm") * calm.length)];
}

/**
 * Reads a share: `5%` or `0.05`.
 * @returns 0 to 1, null for anything else
 */
export function readShare(text: string): number | null {
  const found = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
  if (!found) return null;
  const share = Number(found[1]) / (found[2] ? 100 : 1);
  return share <= 1 ? share : null;
}
