import type { Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
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

/**
 * Ends one session of a user.
 * @throws AppError not_found when the user has no such open session
 */
export async function endSessionOf(
  tx: Tx,
  user_id: string,
  session_id: string,
  why: string,
  at: Temporal.Instant,
): Promise<string[]> {
  const ended = isUuid(session_id) ? await revokeSessions(tx, { id: session_id, user_id }, why, at) : [];
  if (ended.length > 0) return ended;
  throw new AppError("not_found", { message: "There is no such session.", hint: "It may have ended already." });
}
