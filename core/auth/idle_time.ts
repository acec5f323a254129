import type { Db } from "../database/connection.ts";
import { readSettings } from "../settings/read_settings.ts";
import type { SessionKind } from "./types.ts";

/** Minutes after which a session that nobody uses ends: the setting in force. */
export async function idleMinutes(db: Db): Promise<number> {
  return (await readSettings(db))["session.idle_minutes"];
}

interface Times {
  kind: SessionKind;
  last_used_at: Temporal.Instant;
  expires_at: Temporal.Instant;
}

/** When a session ends if it is not used before. A wall screen shows the same whether anybody looks or not. */
export function idleEnd({ kind, last_used_at, expires_at }: Times, idle_minutes: number): Temporal.Instant {
  if (kind === "wall") return expires_at;
  const idle = last_used_at.add({ minutes: idle_minutes });
  return Temporal.Instant.compare(idle, expires_at) < 0 ? idle : expires_at;
}

/** Whether it is over, by the setting of now: one that was made shorter ends what is idle at once. */
export function isOver(times: Times, idle_minutes: number, now: Temporal.Instant): boolean {
  return Temporal.Instant.compare(idleEnd(times, idle_minutes), now) <= 0;
}
