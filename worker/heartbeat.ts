import type { Clock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";

/** How often the role says in the database that it lives, in milliseconds. Missing for 90 s it counts as dead. */
export const HEARTBEAT_INTERVAL_MS = 30_000;

/** What the fleet role says about itself. */
export interface Heartbeat {
  /** Made at each start, so that two of them are seen as two. */
  instance: string;
  version: string;
  started_at: Temporal.Instant;
}

/** Milliseconds since each loop last turned. */
export type LoopAges = Record<string, number>;

/** Writes the role's row. The last writer is shown: two fleet roles share the work, and either proves it is done. */
export async function beat(sql: Sql, heart: Heartbeat, loops: LoopAges, clock: Clock): Promise<void> {
  const { instance, version, started_at } = heart;
  const ages = Object.fromEntries(Object.entries(loops).map(([name, ms]) => [name, Math.round(ms)]));
  await sql`
    insert into worker_heartbeat (role, instance, version, started_at, beat_at, loops)
    values ('fleet', ${instance}, ${version}, ${started_at}, ${clock.now()}, ${ages as never}::jsonb)
    on conflict (role) do update
    set instance = excluded.instance, version = excluded.version, started_at = excluded.started_at,
      beat_at = excluded.beat_at, loops = excluded.loops`;
}
