import type { Context } from "../audit/types.ts";
import { endAccessOf } from "../auth/end_access.ts";
import { orRefused } from "../auth/full_queue.ts";
import { INSIDE } from "../auth/hash_queue.ts";
import { giveOneTimePassword, prepareOneTimePassword } from "../auth/one_time_password.ts";
import type { Sql } from "../database/connection.ts";
import { actOnUser } from "./act_on_user.ts";
import { refuseOwn } from "./rules.ts";
import type { OneTime } from "./types.ts";

/**
 * Replaces a user's password by a one-time password, which is shown once, and ends all their sessions and API tokens.
 * Second factors stay: whoever forgot a password has not lost those.
 *
 * @throws AppError user_not_found, own_account (it is changed in the profile, which asks for the present one),
 *   forbidden when the caller is an admin no more, too_many_requests
 */
export async function resetPassword(
  sql: Sql,
  userId: string,
  context: Context,
): Promise<OneTime & { ended_sessions: number }> {
  const prepared = await orRefused(sql, INSIDE, { action: "user.reset_password" }, context, prepareOneTimePassword);
  return await actOnUser(sql, userId, "user.reset_password", context, async (tx, user) => {
    refuseOwn(context, user, "Change your own password in your profile.");
    const now = context.clock.now();
    await giveOneTimePassword(tx, user.id, prepared, now);
    const ended = await endAccessOf(tx, user.id, { why: "the password was reset by an admin" }, now);
    return {
      result: { user, password: prepared.password, ended_sessions: ended.ended_sessions },
      details: { one_time: true, ...ended },
    };
  });
}
