import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { orRefused } from "../auth/full_queue.ts";
import { INSIDE } from "../auth/hash_queue.ts";
import { giveOneTimePassword, prepareOneTimePassword } from "../auth/one_time_password.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { joinGroups } from "../groups/join_groups.ts";
import { uuidv7 } from "../ids.ts";
import { mustBeAdmin } from "./act_on_user.ts";
import { readOrder, refuseAdminByToken } from "./rules.ts";
import { insertAccount, lockAdministration } from "./store.ts";
import { type OneTime, UserOrder } from "./types.ts";

/**
 * Makes a user with a one-time password, which is shown once and must be changed at the first login; a second factor is
 * set up then, too.
 *
 * @param order see {@link UserOrder}; checked here
 * @throws AppError validation_failed with a reason for each field, user_exists, group_not_found, forbidden when the
 *   caller is an admin no more, token_not_allowed, too_many_requests
 */
export async function createUser(sql: Sql, order: unknown, context: Context): Promise<OneTime> {
  const { group_ids, ...wanted } = readOrder(UserOrder, order);
  if (wanted.role === "admin") refuseAdminByToken(context);
  const prepared = await orRefused(sql, INSIDE, { action: "user.create" }, context, prepareOneTimePassword);
  return await transaction(sql, async (tx) => {
    await lockAdministration(tx);
    await mustBeAdmin(tx, context);
    const now = context.clock.now();
    const user = { id: uuidv7(context.clock), ...wanted, disabled_at: null };
    if (!await insertAccount(tx, user, now)) throw taken(user.username);
    await giveOneTimePassword(tx, user.id, prepared, now);
    const groups = await joinGroups(tx, user.id, group_ids);
    await appendFor(tx, context, {
      action: "user.create",
      object: { kind: "user", id: user.id, name: user.username },
      outcome: "success",
      details: {
        role: user.role,
        display_name: user.display_name,
        email: user.email,
        groups: groups.map(({ id }) => id),
        one_time: true,
      },
    });
    return { user, password: prepared.password };
  });
}

function taken(username: string): AppError {
  const problem = `There is a user named “${username}” already.`;
  const hint = "Capitals make no difference. Choose another name.";
  return new AppError("user_exists", { message: problem, hint, details: [{ field: "username", problem, hint }] });
}
