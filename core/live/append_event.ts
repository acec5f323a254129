import type { Db } from "../database/connection.ts";
import { beforeCommit } from "../database/transaction.ts";

export interface NewEvent {
  topic: string;
  job_id?: string | null;
  host_id?: string | null;
  /** At most 40 characters. */
  kind: string;
  data: Record<string, unknown>;
}

/** Events of transactions that have not come to their end. */
const waiting = new WeakMap<Db, NewEvent[]>();

/**
 * Tells whoever follows the topic, when the transaction commits. All events of a transaction are appended by its last
 * statement, because the lock that keeps event numbers in commit order is held until the end: appended earlier, every
 * other writer of events would wait for whatever this one has still to do.
 */
export async function appendEvent(db: Db, event: NewEvent): Promise<void> {
  const events = waiting.get(db);
  if (events) return void events.push(event);
  const first = [event];
  if (beforeCommit(db, () => writeEvents(db, first))) waiting.set(db, first);
  else await writeEvents(db, first);
}

async function writeEvents(db: Db, events: NewEvent[]): Promise<void> {
  await db`select events_append(${events as never}::jsonb)`.execute();
}
