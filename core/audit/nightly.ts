import type { Clock } from "../clock.ts";
import type { Sql } from "../database/connection.ts";
import type { Log } from "../log.ts";
import { readSettings } from "../settings/read_settings.ts";
import type { AuditDesk } from "./audit_desk.ts";
import { PRUNE_BATCH, pruneAudit } from "./prune_audit.ts";
import { lastNightly } from "./verifications.ts";

/** The hour of the night in UTC from which on the log is verified. */
const HOUR = 2;

/** The last time before an instant that a nightly verification was to begin. */
export function lastDue(now: Temporal.Instant): Temporal.Instant {
  const here = now.toZonedDateTimeISO("UTC");
  const today = here.startOfDay().add({ hours: HOUR });
  return (Temporal.ZonedDateTime.compare(today, here) <= 0 ? today : today.subtract({ days: 1 })).toInstant();
}

/**
 * Verifies the log once a night, or as soon as possible where a night was missed, and then removes what is older than
 * the setting: from an intact log only.
 *
 * @returns true when there was something to do
 */
export async function careAtNight(sql: Sql, desk: AuditDesk, clock: Clock, log: Log): Promise<boolean> {
  const last = await lastNightly(sql);
  if (last !== null && Temporal.Instant.compare(last, lastDue(clock.now())) >= 0) return false;
  const actor = { kind: "system" as const, name: "nightly verification" };
  await desk.ask("nightly", { actor, address: null, request_id: null, clock });
  const verdict = await desk.settled();
  if (!verdict?.intact) return true;
  const days = (await readSettings(sql))["audit.retention_days"];
  let removed = 0;
  for (let rows = PRUNE_BATCH; rows === PRUNE_BATCH;) {
    rows = await pruneAudit(sql, desk.proof, days, clock);
    removed += rows;
  }
  if (removed > 0) log.info("audit.pruned", { count: removed });
  return true;
}
