import type { Context } from "../audit/types.ts";
import { endAccessOf } from "../auth/end_access.ts";
import type { Sql } from "../database/connection.ts";
import { actOnUser } from "./act_on_user.ts";
import { changedFields, readOrder, refuseAdminByToken, refuseLastAdmin } from "./rules.ts";
import { countOtherAdmins, tellOfName, updateAccount } from "./store.ts";
import { type Account, UserChange } from "./types.ts";

/**
 * Changes name, e-mail address and role. A new name shows on the next page. With another role all sessions and API tokens of the user end, so that
 * nothing goes on with the rights of before.
 *
 * @param change see {@link UserChange}; checked here
 * @throws AppError validation_failed, user_not_found, last_admin, token_not_allowed, forbidden when the caller is an
 * admin no more
 */
export function changeUser(
  sql: Sql,
  userId: string,
  change: unknown,
  context: Context,
): Promise<{ user: Account; ended_sessions: number }> {
  const wanted = readOrder(UserChange, change);
  return actOnUser(sql, userId, "user.change", context, async (tx, before) => {
    const { display_name = before.display_name, email = before.email, role = before.role } = wanted;
    const user = { ...before, display_name, email, role };
    if (role === "admin" && before.role !== "admin") refuseAdminByToken(context);
    if (role !== "admin") refuseLastAdmin(before, await countOtherAdmins(tx, before.id));
    await updateAccount(tx, user);
    if (display_name !== before.display_name) await tellOfName(tx, user.id);
    const ended = role === before.role
      ? { ended_sessions: 0, ended_tokens: 0 }
      : await endAccessOf(tx, user.id, { why: "the role was changed" }, context.clock.now());
    return {
      result: { user, ended_sessions: ended.ended_sessions },
      details: { ...changedFields(before, user), ...ended },
    };
  });
}
