import type { Context } from "../audit/types.ts";
import { endAccessOf } from "../auth/end_access.ts";
import type { Sql } from "../database/connection.ts";
import { actOnUser } from "./act_on_user.ts";
import { refuseLastAdmin, refuseOwn } from "./rules.ts";
import { countOtherAdmins, updateAccount } from "./store.ts";
import type { Account } from "./types.ts";

/** A user after their account was switched off or on. */
export interface Switched {
  user: Account;
  ended_sessions: number;
}

/**
 * Disables an account: nobody signs in with it, its sessions and API tokens end. What the
 * user did stays. Disabling twice changes nothing.
 *
 * @throws AppError user_not_found, own_account, last_admin, forbidden when the caller is an admin no more
 */
export function disableUser(sql: Sql, userId: string, context: Context): Promise<Switched> {
  return actOnUser(sql, userId, "user.disable", context, async (tx, before) => {
    refuseOwn(context, before, "Ask another admin to disable it.");
    refuseLastAdmin(before, await countOtherAdmins(tx, before.id));
    const now = context.clock.now();
    const user = { ...before, disabled_at: before.disabled_at ?? now };
    await updateAccount(tx, user);
    const ended = await endAccessOf(tx, user.id, { why: "the account was disabled" }, now);
    return {
      result: { user, ended_sessions: ended.ended_sessions },
      details: { already: before.disabled_at !== null, ...ended },
    };
  });
}

/**
 * Enables an account again, with the password and factors that it has.
 *
 * @throws AppError user_not_found, forbidden when the caller is an admin no more
 */
export function enableUser(sql: Sql, userId: string, context: Context): Promise<Switched> {
  return actOnUser(sql, userId, "user.enable", context, async (tx, before) => {
    const user = { ...before, disabled_at: null };
    await updateAccount(tx, user);
    return { result: { user, ended_sessions: 0 }, details: { already: before.disabled_at === null } };
  });
}
