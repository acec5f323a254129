import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { freeName } from "./free_name.ts";
import { readOrder, tellOfGroups } from "./rules.ts";
import { lockGroup, lockNames, updateGroup } from "./store.ts";
import { type Group, GroupChange } from "./types.ts";

/**
 * Renames a group or changes its description. Members and rights stay.
 *
 * @throws AppError group_not_found, validation_failed, group_exists
 */
export function changeGroup(sql: Sql, groupId: string, change: unknown, context: Context): Promise<Group> {
  const wanted = readOrder(GroupChange, change);
  return transaction(sql, async (tx) => {
    await lockNames(tx);
    const before = await lockGroup(tx, groupId);
    const { name = before.name, description = before.description } = wanted;
    if (name !== before.name) await freeName(tx, name, before.id);
    const after = { id: before.id, name, description };
    await updateGroup(tx, after);
    await tellOfGroups(tx);
    await appendFor(tx, context, {
      action: "group.change",
      object: { kind: "group", id: before.id, name: before.name },
      outcome: "success",
      details: {
        before: { name: before.name, description: before.description },
        after: { name, description },
      },
    });
    return after;
  });
}
