import type { Context } from "../audit/types.ts";
import { endSessionOf, endSessionsOf } from "../auth/end_sessions.ts";
import type { Sql } from "../database/connection.ts";
import { actOnUser } from "./act_on_user.ts";

/**
 * Ends sessions of a user, and with them every page that they keep live, within a second.
 *
 * @param which one session, or null for all of them; the caller's own session goes on then
 * @param own id of the caller's session
 * @returns ids of the sessions that were open
 * @throws AppError user_not_found, not_found when the user has no such open session, forbidden when the caller
 *   is an admin no more
 */
export function revokeSessionsOf(
  sql: Sql,
  userId: string,
  which: string | null,
  own: string,
  context: Context,
): Promise<{ ended: string[] }> {
  return actOnUser(sql, userId, "session.revoke", context, async (tx, user) => {
    const now = context.clock.now();
    const why = "ended by an admin";
    const ended = which === null
      ? await endSessionsOf(tx, user.id, { except: own, why }, now)
      : await endSessionOf(tx, user.id, which, why, now);
    return { result: { ended }, details: { sessions: ended, reason: why } };
  });
}
