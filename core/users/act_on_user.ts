import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { isAdmin, lockAdministration, lockUser } from "./store.ts";
import type { Account } from "./types.ts";

/** Refusals by the rules about users: each leaves a row, because somebody tried. */
const RULES: readonly string[] = ["last_admin", "own_account", "user_in_use"] satisfies ErrorCode[];

/** What an act did, with the facts for the audit log. */
export interface Done<T> {
  result: T;
  details: Record<string, unknown>;
}

/**
 * One act on one user. Whoever decides about users does so one after the other, and is still an admin when it is their
 * turn; what was done, or refused by the rules, leaves one row in the audit log.
 *
 * @param action of the audit log: `user.disable`
 * @throws AppError user_not_found, forbidden when the caller is an admin no more, and what the act throws
 */
export async function actOnUser<T>(
  sql: Sql,
  userId: string,
  action: string,
  context: Context,
  act: (tx: Tx, user: Account) => Promise<Done<T>>,
): Promise<T> {
  let object: { kind: string; id: string; name: string } | null = null;
  try {
    return await transaction(sql, async (tx) => {
      await lockAdministration(tx);
      await mustBeAdmin(tx, context);
      const user = await lockUser(tx, userId);
      object = { kind: "user", id: user.id, name: user.username };
      const { result, details } = await act(tx, user);
      await appendFor(tx, context, { action, object, outcome: "success", details });
      return result;
    });
  } catch (thrown) {
    if (object && thrown instanceof AppError && RULES.includes(thrown.code)) {
      await appendFor(sql, context, { action, object, outcome: "denied", details: { reason: thrown.code } });
    }
    throw thrown;
  }
}

/**
 * Asked under the lock: the route asked before it.
 * @throws AppError forbidden when somebody else took the caller's rights meanwhile
 */
export async function mustBeAdmin(tx: Tx, { actor }: Context): Promise<void> {
  if (actor.kind === "user" && !(actor.id && await isAdmin(tx, actor.id))) throw new AppError("forbidden");
}
