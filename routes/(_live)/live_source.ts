import { listen } from "../../core/database/connection.ts";
import type { Sql } from "../../core/database/connection.ts";
import type { Log } from "../../core/log.ts";
import type { LiveSource } from "../(_role)/state.ts";

/** Hears the database's notifications and passes them on as hints. `stop` lets go of its connection. */
export async function openLiveSource(sql: Sql, log: Log): Promise<LiveSource & { stop(): Promise<void> }> {
  const event_listeners = new Set<(seq: number | null) => void>();
  const revoked_listeners = new Set<(id: string | null, renewed?: boolean) => void>();
  const renamed_listeners = new Set<(user_id: string) => void>();
  const tell = <T extends unknown[]>(listeners: Set<(...values: T) => void>, ...values: T) =>
    listeners.forEach((listener) => listener(...values));
  const events = await listen(
    sql,
    "event",
    (payload) => tell(event_listeners, numberOf(payload, "seq")),
    () => tell(event_listeners, null),
    log,
  );
  const revoked = await listen(
    sql,
    "revoked",
    (payload) => {
      const renamed = textOf(payload, "renamed");
      if (renamed !== null) return tell(renamed_listeners, renamed);
      const id = textOf(payload, "sid") ?? textOf(payload, "tid");
      tell(revoked_listeners, id, textOf(payload, "next") !== null);
    },
    () => tell(revoked_listeners, null),
    log,
  );
  return {
    on_event: (listener) => subscribe(event_listeners, listener),
    on_revoked: (listener) => subscribe(revoked_listeners, listener),
    on_renamed: (listener) => subscribe(renamed_listeners, listener),
    connected: () => revoked.connected(),
    stop: async () => {
      await events.stop();
      await revoked.stop();
    },
  };
}

function subscribe<T>(set: Set<T>, listener: T): () => void {
  set.add(listener);
  return () => void set.delete(listener);
}

/** A payload that is not as expected is no reason to stop listening: null makes readers look for themselves. */
function memberOf(payload: string, name: string): unknown {
  try {
    return (JSON.parse(payload) as Record<string, unknown>)?.[name];
  } catch {
    return null;
  }
}
function numberOf(payload: string, name: string): number | null {
  const value = memberOf(payload, name);
  return typeof value === "number" ? value : null;
}
function textOf(payload: string, name: string): string | null {
  const value = memberOf(payload, name);
  return typeof value === "string" ? value : null;
}
