import type { Tx } from "../database/types.ts";
import { revokeTokens } from "./store.ts";

/**
 * Ends all API tokens of a user, and with them every page that they keep live, within a second. To be called in the
 * transaction that gives the user another password or takes their factors: whoever made a token in their name is out.
 *
 * @returns how many there were
 */
export async function endTokensOf(tx: Tx, user_id: string, at: Temporal.Instant): Promise<number> {
  return (await revokeTokens(tx, { user_id }, at)).length;
}
