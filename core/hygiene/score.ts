/**
 * What the score is made of: numbers of hosts, of those that the viewer may see.
 */
export interface HygieneCounts {
  hosts: number;
  /** Hosts of which a report was ever accepted: the others say nothing about updates. */
  reported: number;
  /** Hosts that were ever asked. */
  asked: number;
  /** No update pending, and data fresh enough to say so. */
  up_to_date: number;
  /** Reported hosts by the age of their oldest pending security update; hosts without one are in none of them. */
  security_under_7_days: number;
  security_7_to_30_days: number;
  security_30_to_90_days: number;
  security_over_90_days: number;
  /** Reported hosts with security updates pending of which nobody names a severity. */
  unrated: number;
  /** Reported hosts by the worst severity that is named for a pending update; hosts without any are in none. */
  worst_critical: number;
  worst_high: number;
  worst_medium: number;
  worst_low: number;
  reboot_required: number;
  /** Asked, and unreachable. */
  silent: number;
  /** Data too old to say anything, or none. */
  stale: number;
  /** Hosts on which a critical update has been pending for more than 7 days. */
  critical_over_7_days: number;
}

export const hygieneParts = ["up_to_date", "security_age", "severity", "reboots", "silent", "stale"] as const;
export type HygienePartName = typeof hygieneParts[number];

/** What each part can give, what a host in each condition gives of it (percent), and where colours begin. */
export interface HygieneRules {
  most: Record<HygienePartName, number>;
  security_age: Record<"none" | "under_7_days" | "from_7_days" | "from_30_days" | "from_90_days", number>;
  severity: Record<"none" | "low" | "medium" | "high" | "critical", number>;
  /** Score from which it is green, and yellow. */
  green: number;
  yellow: number;
}

/** Specification, section 8. The points of the parts add up to 100. */
export const HYGIENE_RULES: HygieneRules = {
  most: { up_to_date: 25, security_age: 25, severity: 20, reboots: 10, silent: 10, stale: 10 },
  security_age: { none: 100, under_7_days: 80, from_7_days: 50, from_30_days: 20, from_90_days: 0 },
  severity: { none: 100, low: 90, medium: 70, high: 40, critical: 0 },
  green: 90,
  yellow: 70,
};

export interface HygienePart {
  name: HygienePartName;
  /** 0 to {@link most}, in tenths, rounded down; null: nothing is known that could be counted. */
  points: number | null;
  most: number;
  /** How many hosts it looks at. */
  of: number;
}

export interface Hygiene {
  /** 0 to 100, a whole number, rounded down: 100 means that nothing at all is missing. Null without any host. */
  score: number | null;
  grade: "green" | "yellow" | "red" | null;
  /** True where the points alone would give a better grade: a critical update has been waiting for over 7 days. */
  held_back: boolean;
  parts: HygienePart[];
}

/**
 * The hygiene score.
 *
 * Every part looks at some of the hosts and gives its points by the share of what they give: a host that is as it
 * should be gives 100 %, one in a worse condition less (see {@link HYGIENE_RULES}). A part that has no host to look
 * at does not count, and the others stand for the whole: score = points × 100 / points that could be had.
 *
 * - up_to_date: all hosts. Those with an update pending, stale data or none give nothing.
 * - security_age: hosts that reported, by the age of their oldest pending security update.
 * - severity: hosts that reported, by the worst severity named for a pending update. Hosts whose security updates
 *   nobody rates are left out, because an unknown severity is neither good nor bad.
 * - reboots: hosts that were ever asked; one that waits for a reboot gives nothing.
 * - silent: hosts that were ever asked; an unreachable one gives nothing.
 * - stale: all hosts; one whose data is too old, or missing, gives nothing.
 *
 * Green from 90, yellow from 70, red below; red in any case while a critical update has been pending for more than
 * 7 days.
 */
export function scoreHygiene(counts: HygieneCounts, rules: HygieneRules = HYGIENE_RULES): Hygiene {
  const { hosts, reported, asked } = counts;
  const parts = [
    part("up_to_date", hosts, 100 * counts.up_to_date, rules),
    part("security_age", reported, securityAge(counts, rules), rules),
    part("severity", reported - counts.unrated, severity(counts, rules), rules),
    part("reboots", asked, 100 * (asked - counts.reboot_required), rules),
    part("silent", asked, 100 * (asked - counts.silent), rules),
    part("stale", hosts, 100 * (hosts - counts.stale), rules),
  ];
  if (hosts === 0) return { score: null, grade: null, held_back: false, parts };
  const counted = parts.filter(({ points }) => points !== null);
  const tenths = counted.reduce((sum, { points }) => sum + Math.round(points! * 10), 0);
  const most = counted.reduce((sum, part) => sum + part.most, 0);
  const score = Math.floor(tenths * 10 / most);
  const grade = score >= rules.green ? "green" : score >= rules.yellow ? "yellow" : "red";
  const critical = counts.critical_over_7_days > 0;
  return { score, grade: critical ? "red" : grade, held_back: critical && grade !== "red", parts };
}

/**
 * The numbers come from statements that ran one after another: a host that was added between them must not make a part
 * smaller than nothing or larger than it can be.
 * @param percents what the hosts give together, 100 for each that is as it should be
 */
function part(name: HygienePartName, hosts: number, percents: number, { most }: HygieneRules): HygienePart {
  const of = Math.max(0, hosts);
  const given = Math.min(Math.max(0, percents), 100 * of);
  // Whole numbers up to the last division, so that 0.9 × 25 is never a hair below what it is.
  const points = of === 0 ? null : Math.floor(most[name] * 10 * given / (100 * of)) / 10;
  return { name, points, most: most[name], of };
}

function securityAge(counts: HygieneCounts, { security_age: percent }: HygieneRules): number {
  const { security_under_7_days, security_7_to_30_days, security_30_to_90_days, security_over_90_days } = counts;
  const none = counts.reported - security_under_7_days - security_7_to_30_days - security_30_to_90_days -
    security_over_90_days;
  return none * percent.none + security_under_7_days * percent.under_7_days +
    security_7_to_30_days * percent.from_7_days + security_30_to_90_days * percent.from_30_days +
    security_over_90_days * percent.from_90_days;
}

function severity(counts: HygieneCounts, { severity: percent }: HygieneRules): number {
  const { worst_critical, worst_high, worst_medium, worst_low } = counts;
  const none = counts.reported - counts.unrated - worst_critical - worst_high - worst_medium - worst_low;
  return none * percent.none + worst_low * percent.low + worst_medium * percent.medium + worst_high * percent.high +
    worst_critical * percent.critical;
}
