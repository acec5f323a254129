import type { Tx } from "../database/connection.ts";
import { revokeSessions } from "./session_store.ts";

/**
 * Ends all sessions of a user, whichever way they were opened, and with them every page that they keep live: within a
 * second, wherever the manager runs. To be called in the transaction that disables the user or changes their role,
 * password or factors: it holds when that holds.
 *
 * @param options.except session that goes on
 * @param options.why what the list of sessions says, such as "the role was changed"
 * @returns ids of the sessions that were open
 */
export function endSessionsOf(
  tx: Tx,
  user_id: string,
  { except, why }: { except?: string; why: string },
  at: Temporal.Instant,
): Promise<string[]> {
  return revokeSessions(tx, { user_id, except }, why, at);
}
