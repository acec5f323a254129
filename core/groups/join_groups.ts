import type { Tx } from "../database/types.ts";
import { readIds } from "./rules.ts";
import { insertMembers, lockGroup } from "./store.ts";

/**
 * Makes a user a member of groups, within the transaction that makes the user. Whoever calls it tells the audit log.
 * @returns the groups, each once
 * @throws AppError group_not_found, validation_failed
 */
export async function joinGroups(tx: Tx, userId: string, groupIds: string[]): Promise<{ id: string; name: string }[]> {
  const joined = [];
  // Always in the same order, so that two who do this at once do not wait for each other.
  for (const group_id of readIds("groups", groupIds).sort()) {
    const { id, name } = await lockGroup(tx, group_id);
    await insertMembers(tx, "users", id, [userId]);
    joined.push({ id, name });
  }
  return joined;
}
