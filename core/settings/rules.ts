import type { SettingKey, SettingRule, Settings } from "./types.ts";

/** The registry: all settings with defaults, bounds and reasons. */
export const settingRules: readonly SettingRule[] = [
  {
    key: "poll.health_interval_seconds",
    title: "Health poll",
    unit: "seconds",
    default: 300,
    minimum: 30,
    maximum: 3_600,
    reason: "How often each host is asked how it is. Below 30 s a fleet of thousands would be asked all the time.",
  },
  {
    key: "poll.patches_interval_seconds",
    title: "Patch poll",
    unit: "seconds",
    default: 1_800,
    minimum: 300,
    maximum: 7_200,
    reason: "How often each host is asked for its packages. Data older than two hours never counts as compliant.",
  },
  {
    key: "poll.concurrency",
    title: "Polls at once",
    unit: "hosts",
    default: 64,
    minimum: 1,
    maximum: 256,
    reason: "Hosts that do not answer hold their place until the timeout, so dead hosts set this number, not the CPU.",
  },
  {
    key: "poll.health_timeout_seconds",
    title: "Timeout of a health poll",
    unit: "seconds",
    default: 10,
    minimum: 1,
    maximum: 60,
    reason: "Health is cheap to answer: a host that takes longer is as good as silent.",
  },
  {
    key: "poll.patches_timeout_seconds",
    title: "Timeout of a patch poll",
    unit: "seconds",
    default: 30,
    minimum: 5,
    maximum: 600,
    reason: "A refreshed index takes longer than a read one; a slower answer is refused for that host.",
  },
  {
    key: "enrolment.rate_per_minute",
    title: "Enrolment requests without token, from one address",
    unit: "per minute",
    default: 5,
    minimum: 1,
    maximum: 1_000,
    reason: "Requests without token fill a queue that a person reads. Hosts behind one NAT share an address.",
  },
  {
    key: "enrolment.pending_days",
    title: "Waiting time of an enrolment request",
    unit: "days",
    default: 7,
    minimum: 1,
    maximum: 90,
    reason: "A request that nobody decides ends by itself; the machine may ask again.",
  },
  {
    key: "live.event_retention_seconds",
    title: "Live events kept",
    unit: "seconds",
    default: 3_600,
    minimum: 300,
    maximum: 86_400,
    reason: "A page that was away for longer loads itself again instead of catching up.",
  },
  {
    key: "audit.retention_days",
    title: "Audit log kept",
    unit: "days",
    default: 184,
    minimum: 184,
    maximum: 3_660,
    reason: "Six months at least, whoever asks; older rows go at night, behind a signed marker that takes their place.",
  },
  {
    key: "confirm.hosts",
    title: "Hosts to work on without confirming",
    unit: "hosts",
    default: 25,
    minimum: 1,
    maximum: 2_500,
    reason:
      "Work on more hosts at once asks who you are, when you last proved it more than ten minutes ago. A rack or a " +
      "cluster passes; a window left open, or a stolen session, does not reach the whole fleet.",
  },
  {
    key: "session.idle_minutes",
    title: "Session without activity",
    unit: "minutes",
    default: 60,
    minimum: 5,
    maximum: 60,
    reason:
      "A session that nobody uses ends after so long. Shorter protects desks that people leave; who is signed in " +
      "already follows within 15 minutes.",
  },
];

const byKey = new Map<string, SettingRule>(settingRules.map((rule) => [rule.key, rule]));

export function findSetting(key: string): SettingRule | null {
  return byKey.get(key) ?? null;
}

export const defaultSettings: Settings = Object.fromEntries(
  settingRules.map((rule) => [rule.key, rule.default]),
) as unknown as Settings;

/** What is wrong with a value, in words, or null. Only whole numbers: text that looks like one is refused too. */
export function settingProblem(rule: SettingRule, value: unknown): string | null {
  const bounds = `from ${rule.minimum} to ${rule.maximum} ${rule.unit}`;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    return `${rule.title} has to be a whole number, ${bounds}.`;
  }
  if (value < rule.minimum || value > rule.maximum) return `${rule.title} has to be ${bounds}, not ${value}.`;
  return null;
}

/** Stored values over the defaults. What is unknown or not usable does not count. */
export function effectiveSettings(stored: { key: string; value: unknown }[]): Settings {
  const settings: Record<SettingKey, number> = { ...defaultSettings };
  for (const { key, value } of stored) {
    const rule = findSetting(key);
    if (rule && settingProblem(rule, value) === null) settings[rule.key] = value as number;
  }
  return settings;
}
