import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid, secretToken, sha256, uuidv7 } from "../ids.ts";
import { insertToken, isLimitedToGroups, revokeToken, usableGroups } from "./store.ts";
import { type NewToken, TokenOrder } from "./types.ts";

/**
 * Makes one-time tokens of 256 bits, each for one machine. They are shown now and never again.
 *
 * @param viewer operators may name groups of their own only, an API token those that it is limited to
 * @throws AppError validation_failed
 */
export async function createEnrolmentTokens(
  sql: Sql,
  viewer: string,
  order: unknown,
  context: Context,
): Promise<NewToken[]> {
  const read = TokenOrder.safeParse(order);
  if (!read.success) {
    throw new AppError("validation_failed", {
      details: read.error.issues.map((issue) => ({ field: issue.path.join("."), problem: issue.message })),
    });
  }
  const { count, label, expires_in_hours } = read.data;
  const group_ids = [...new Set(read.data.group_ids)];
  const created_at = context.clock.now();
  const expires_at = created_at.add({ hours: expires_in_hours });
  const tokens = Array.from({ length: count }, () => ({ id: uuidv7(context.clock), token: secretToken(), expires_at }));
  await transaction(sql, async (tx) => {
    if ((await usableGroups(tx, viewer, group_ids)).length < group_ids.length) {
      const hint = "Choose among the groups that you belong to.";
      throw new AppError("validation_failed", {
        details: [{ field: "group_ids", problem: "There is no such group.", hint }],
      });
    }
    if (group_ids.length === 0 && await isLimitedToGroups(tx, viewer)) {
      const problem = "This API token is limited to groups, and the machines would be in none of them.";
      throw new AppError("validation_failed", {
        details: [{ field: "group_ids", problem, hint: "Name a group that the token is for." }],
      });
    }
    for (const { id, token } of tokens) {
      const hash = await sha256(token);
      await insertToken(
        tx,
        { id, hash, label, created_at, created_by: context.actor.id ?? null, expires_at },
        group_ids,
      );
    }
    await appendFor(tx, context, {
      action: "enrolment_token.create",
      object: { kind: "enrolment_token", id: tokens[0].id, name: label || null },
      outcome: "success",
      details: { count, expires_at: expires_at.toString(), groups: group_ids, issued: tokens.map((token) => token.id) },
    });
  });
  return tokens;
}

/**
 * Makes a token that was not used yet worthless.
 * @throws AppError not_found when there is none, or it was used or revoked before
 */
export function revokeEnrolmentToken(sql: Sql, tokenId: string, context: Context): Promise<void> {
  return transaction(sql, async (tx) => {
    if (!isUuid(tokenId) || !await revokeToken(tx, tokenId, context.clock.now())) throw new AppError("not_found");
    await appendFor(tx, context, {
      action: "enrolment_token.revoke",
      object: { kind: "enrolment_token", id: tokenId },
      outcome: "success",
    });
  });
}
