import { pickRole } from "./catalogue.ts";
import { type Distribution, distributions } from "./distributions.ts";
import { between, fraction, hash, pick } from "./random.ts";
import { type Shares, troubleByShare } from "./shares.ts";

/** What is special about a simulated host. */
export const troubles = [
  /** Nothing. */
  "none",
  /** Has every update. */
  "current",
  /** An update waits for a restart. */
  "reboot_due",
  /** Some packages are held by an administrator. */
  "held",
  /** Some updates are phased in and not yet for this host. */
  "phased",
  /** The script of one package fails. */
  "failing",
  /** The package database was interrupted; nothing can be installed. */
  "interrupted",
  /** Its index cannot be refreshed and is days old. */
  "stale_index",
  /** Its disk is nearly full: downloads fail. */
  "disk_low",
  /** Answers after seconds. */
  "slow",
  /** Takes connections and says nothing. */
  "silent",
  /** Nothing listens. */
  "refusing",
  /** Some of its connections break, some of its answers stall. */
  "flaky",
] as const;
export type Trouble = typeof troubles[number];

/** One of each but the last two in every block of 25 hosts, so that a small fleet shows everything and a large one keeps its shares. */
const block: readonly Trouble[] = [
  ...["none", "reboot_due", "none", "failing", "current"] as const,
  ...["none", "interrupted", "held", "none", "none"] as const,
  ...["stale_index", "none", "slow", "reboot_due", "none"] as const,
  ...["phased", "current", "none", "disk_low", "none"] as const,
  ...["silent", "none", "held", "none", "current"] as const,
];

/** What a simulated host is, for ever: a function of the fleet's seed and its number. */
export interface Traits {
  seed: number;
  /** From 0. */
  index: number;
  fqdn: string;
  distribution: Distribution;
  role: string;
  trouble: Trouble;
  /** Share of the available updates that it has not installed, 0 to 1. */
  lag: number;
  /** Stands in for /etc/machine-id; enrolment sends a hash of it. */
  machine_id: string;
}

const places = ["fra", "ham", "ber", "muc", "vie", "zrh", "ams", "par"];

/**
 * The traits of one host.
 * @param mix true leaves out hosts that are silent or slow, for measuring the manager alone; shares say how many hosts
 * are special
 */
export function makeTraits(seed: number, index: number, mix: boolean | Shares = false): Traits {
  const role = pickRole(seed, index);
  const place = pick(places, seed, index, "place");
  const trouble = typeof mix === "boolean" ? pickTrouble(seed, index, mix) : troubleByShare(mix, seed, index);
  return {
    seed,
    index,
    fqdn: `${role.slice(0, 4)}${String(index + 1).padStart(4, "0")}.${place}.sim.example`,
    distribution: pickDistribution(seed, index),
    role,
    trouble,
    lag: trouble === "current" ? 0 : 0.15 + 0.7 * fraction(seed, index, "lag"),
    machine_id: [0, 1, 2, 3].map((part) => hash(seed, index, "machine", part).toString(16).padStart(8, "0")).join(""),
  };
}

function pickTrouble(seed: number, index: number, calm: boolean): Trouble {
  const trouble = block[(index + seed) % block.length];
  if (trouble !== "silent" && trouble !== "slow") return trouble;
  // In a large fleet every hundredth host is silent, not every 25th: each costs a poll its whole time limit.
  return calm || Math.floor(index / block.length) % 4 !== 0 ? "none" : trouble;
}

function pickDistribution(seed: number, index: number): Distribution {
  const total = distributions.reduce((sum, one) => sum + one.share, 0);
  let rest = between(0, total - 1, seed, index, "distribution");
  return distributions.find((one) => (rest -= one.share) < 0)!;
}
