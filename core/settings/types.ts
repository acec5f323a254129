/** A number that may be changed while the manager runs. */
export interface SettingRule {
  key: SettingKey;
  /** What a person reads above the field. */
  title: string;
  unit: "seconds" | "minutes" | "hosts" | "days" | "per minute";
  default: number;
  minimum: number;
  maximum: number;
  /** Why there is such a setting, why this default, and what the bounds protect. */
  reason: string;
}

/** Every setting that exists; a key stands here or in the configuration file, never in both. */
export interface Settings {
  "poll.health_interval_seconds": number;
  "poll.patches_interval_seconds": number;
  "poll.concurrency": number;
  "poll.health_timeout_seconds": number;
  "poll.patches_timeout_seconds": number;
  "enrolment.rate_per_minute": number;
  "enrolment.pending_days": number;
  "live.event_retention_seconds": number;
  "audit.retention_days": number;
  "confirm.hosts": number;
  "session.idle_minutes": number;
}
export type SettingKey = keyof Settings;

/** What a setting is about: the part of its key before the dot. */
export type SettingTopic = SettingKey extends `${infer Topic}.${string}` ? Topic : never;

/** A setting as the settings page shows it. */
export interface SettingView extends SettingRule {
  value: number;
  changed_at: Temporal.Instant | null;
  /** Id of the user who changed it last; null where nobody did, or the user is gone. */
  changed_by: string | null;
  /** That user's name. */
  changed_by_name: string | null;
  /** Words when the stored value is not usable and the default is in force instead. */
  problem: string | null;
}
