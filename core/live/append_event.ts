import type { Db } from "../database/connection.ts";

export interface NewEvent {
  topic: string;
  job_id?: string | null;
  host_id?: string | null;
  /** At most 40 characters. */
  kind: string;
  data: Record<string, unknown>;
}

/**
 * Tells whoever follows the topic, when the transaction commits. Call it late in the transaction: it holds the lock
 * that keeps event numbers in commit order until the end.
 */
export async function appendEvent(db: Db, event: NewEvent): Promise<void> {
  const { topic, job_id = null, host_id = null, kind, data } = event;
  await db`select event_append(${topic}, ${job_id}::uuid, ${host_id}::uuid, ${kind}, ${data as never}::jsonb)`;
}
