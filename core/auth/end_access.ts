import type { Tx } from "../database/connection.ts";
import { endTokensOf } from "../tokens/end_tokens.ts";
import { endSessionsOf } from "./end_sessions.ts";

/**
 * Ends everything that a user has in hand: all sessions and all API tokens, and with them every page that they keep live,
 * within a second. To be called in the transaction that gives them another password or takes their factors.
 *
 * @param options.except session that goes on
 * @param options.why what the list of sessions says, such as "the password was changed"
 * @returns how many there were, for the audit log
 */
export async function endAccessOf(
  tx: Tx,
  user_id: string,
  options: { except?: string; why: string },
  at: Temporal.Instant,
): Promise<{ ended_sessions: number; ended_tokens: number }> {
  const sessions = await endSessionsOf(tx, user_id, options, at);
  return { ended_sessions: sessions.length, ended_tokens: await endTokensOf(tx, user_id, at) };
}
