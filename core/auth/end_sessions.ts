import type { Clock } from "../clock.ts";
import type { Sql, Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { revokeSessions } from "./session_store.ts";
import { holdUser } from "./store.ts";

/**
 * Ends all sessions of a user, whichever way they were opened, and with them every page that they keep live: within a
 * second, wherever the manager runs. To be called in the transaction that disables the user or changes their role,
 * password or factors: it holds when that holds.
 *
 * @param options.except session that goes on
 * @param options.why what the list of sessions says, such as "the role was changed"
 * @returns ids of the sessions that were open
 */
export async function endSessionsOf(
  tx: Tx,
  user_id: string,
  { except, why }: { except?: string; why: string },
  at: Temporal.Instant,
): Promise<string[]> {
  await holdUser(tx, user_id);
  return await revokeSessions(tx, { user_id, except }, why, at);
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

/**
 * Ends the session that a browser had before it was given another one: signing in leaves nothing behind that somebody
 * else may know (OWASP ASVS 5.0, 7.2.4). The sign-in has a row of the audit log of its own.
 */
export async function endReplaced(sql: Sql, session_id: string, clock: Clock): Promise<void> {
  await revokeSessions(sql, { id: session_id }, "another sign-in took its place", clock.now());
}
