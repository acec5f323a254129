import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";

export async function upsertBeat(
  db: Db,
  row: { role: "web" | "fleet"; instance: string; version: string; started_at: Temporal.Instant; at: Temporal.Instant },
): Promise<void> {
  await db`
    insert into worker_heartbeat (role, instance, version, started_at, beat_at)
    values (${row.role}, ${row.instance}, ${row.version}, ${row.started_at}, ${row.at})
    on conflict (role) do update
    set instance = excluded.instance, version = excluded.version, started_at = excluded.started_at,
      beat_at = excluded.beat_at`;
}

/** When each role last said that it lives; a role that never did is not there. */
export function selectBeats(db: Db): Promise<{ role: "web" | "fleet"; beat_at: Temporal.Instant }[]> {
  return many(
    z.object({ role: z.enum(["web", "fleet"]), beat_at: z.instanceof(Temporal.Instant) }),
    db`select role, beat_at from worker_heartbeat`,
  );
}
