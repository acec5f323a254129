import type { Context } from "../audit/types.ts";
import { type FactorReset, resetFactors } from "../auth/factors/reset_factors.ts";
import type { Sql } from "../database/connection.ts";
import { endTokensOf } from "../tokens/end_tokens.ts";
import { actOnUser } from "./act_on_user.ts";
import { refuseOwn } from "./rules.ts";

/**
 * Takes away a user's second factors and ends all their sessions and API tokens: at the next login they set factors up
 * anew, after the password and before anything else is open. For a lost device; that a factor is needed cannot be
 * switched off.
 *
 * @throws AppError user_not_found, own_account (it is done in the profile), forbidden when the caller is an admin no more
 */
export function requireFactorsAnew(
  sql: Sql,
  userId: string,
  context: Context,
): Promise<FactorReset & { ended_tokens: number }> {
  return actOnUser(sql, userId, "user.reset_factors", context, async (tx, user) => {
    refuseOwn(context, user, "Change your own factors in your profile.");
    const why = "an admin asked for the second factor to be set up anew";
    const reset = await resetFactors(tx, user.id, why, context.clock);
    const done = { ...reset, ended_tokens: await endTokensOf(tx, user.id, context.clock.now()) };
    return { result: done, details: done };
  });
}
