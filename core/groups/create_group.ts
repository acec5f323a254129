import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { uuidv7 } from "../ids.ts";
import { freeName } from "./free_name.ts";
import { readOrder } from "./rules.ts";
import { insertGroup, lockNames } from "./store.ts";
import { type Group, GroupOrder } from "./types.ts";

/**
 * Makes a group without members. For admins: the route says so.
 *
 * @param viewer id of the user who makes it
 * @throws AppError validation_failed with a reason for the name; group_exists naming the group that has it
 */
export function createGroup(sql: Sql, viewer: string, order: unknown, context: Context): Promise<Group> {
  const wanted = readOrder(GroupOrder, order);
  return transaction(sql, async (tx) => {
    await lockNames(tx);
    await freeName(tx, wanted.name, null);
    const group = { id: uuidv7(context.clock), ...wanted };
    await insertGroup(tx, group, context.clock.now(), viewer);
    await appendFor(tx, context, {
      action: "group.create",
      object: { kind: "group", id: group.id, name: group.name },
      outcome: "success",
      details: { description: group.description },
    });
    return group;
  });
}
