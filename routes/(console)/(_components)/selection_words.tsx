import type { HostSelection, ListSelection } from "../../../core/views/host_selection.ts";

/** Which hosts a figure counts, as the name of a filter. */
export const SELECTION: Record<ListSelection, string> = {
  job_failed: "Last job failed",
  job_unknown: "Result of the last job unknown",
  job_missed: "Last job missed its time",
  package_database: "Package database interrupted or broken",
  refused: "Report refused",
  silent: "Does not answer",
  parked: "No longer asked",
  certificate: "Certificate ends within 14 days",
  up_to_date: "Up to date",
  other_updates: "Updates that are no security updates",
  security_unknown: "Updates of unknown kind",
  severity_critical: "Critical updates",
  severity_high: "Updates of high severity",
  severity_medium: "Updates of medium severity",
  severity_low: "Updates of low severity",
  severity_unknown: "Updates of unknown severity",
  unrated: "Security updates that nobody rates",
  critical_over_7_days: "Critical update older than 7 days",
  security_under_7_days: "Oldest security update under 7 days",
  security_7_to_30_days: "Oldest security update 7 to 30 days",
  security_30_to_90_days: "Oldest security update 30 to 90 days",
  security_over_90_days: "Oldest security update over 90 days",
  index_under_24_hours: "Package index under 24 h old",
  index_24_to_48_hours: "Package index 24 to 48 h old",
  index_over_48_hours: "Package index over 48 h old",
  index_unknown: "Age of the package index unknown",
  one_group: "In one group only",
};

/** Address of the hosts behind a figure. */
export function selectionHref(only: HostSelection): string {
  return `/hosts?only=${only}`;
}

/** Address of the hosts of a group that are in no other: only they become visible to all when it lets go of them. */
export function aloneHref(group_id: string): string {
  return `/hosts?group=${group_id}&only=one_group`;
}
