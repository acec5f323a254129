import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import type { Viewer } from "../auth/types.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { deleteEnded, revokeTokens } from "./store.ts";

/** Tokens that have ended stay in the lists for so many days. */
const KEPT_DAYS = 30;

/**
 * Ends an API token: the next request with it is refused.
 * @throws AppError token_not_found: there is none, it has ended, or it is somebody else's and the viewer no admin
 */
export function revokeToken(sql: Sql, viewer: Viewer, id: string, context: Context): Promise<void> {
  return transaction(sql, async (tx) => {
    const whose = viewer.role === "admin" ? {} : { user_id: viewer.id };
    const [ended] = isUuid(id) ? await revokeTokens(tx, { id, ...whose }, context.clock.now()) : [];
    if (!ended) throw new AppError("token_not_found");
    await appendFor(tx, context, {
      action: "api_token.revoke",
      object: { kind: "api_token", id, name: ended.name },
      outcome: "success",
      details: { user_id: ended.user_id, username: ended.username },
    });
  });
}

/** Deletes tokens that ended more than 30 days ago. Returns how many. */
export function deleteEndedTokens(sql: Sql, clock: Clock): Promise<number> {
  return deleteEnded(sql, clock.now().subtract({ hours: 24 * KEPT_DAYS }));
}
