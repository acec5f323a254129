import type { Context } from "../audit/types.ts";
import { endAccessOf } from "../auth/end_access.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { actOnUser } from "./act_on_user.ts";
import { refuseLastAdmin, refuseOwn } from "./rules.ts";
import { countOtherAdmins, deleteAccount, tracesOf } from "./store.ts";

/**
 * Removes a user who never did anything here: nothing refers to them. Whoever has worked here is disabled instead, so
 * that the history keeps saying who it was, and nobody else gets their name.
 *
 * @throws AppError user_not_found, own_account, last_admin, user_in_use saying what refers to them, forbidden when the
 *   caller is an admin no more
 */
export function removeUser(sql: Sql, userId: string, context: Context): Promise<{ id: string }> {
  return actOnUser(sql, userId, "user.remove", context, async (tx, user) => {
    refuseOwn(context, user, "Ask another admin to remove it.");
    refuseLastAdmin(user, await countOtherAdmins(tx, user.id));
    const traces = await tracesOf(tx, user);
    if (traces.length > 0) {
      throw new AppError("user_in_use", { message: `The history names this user: ${traces.join(", ")}.` });
    }
    const ended = await endAccessOf(tx, user.id, { why: "the user was removed" }, context.clock.now());
    await deleteAccount(tx, user.id);
    return { result: { id: user.id }, details: { role: user.role, ...ended } };
  });
}
