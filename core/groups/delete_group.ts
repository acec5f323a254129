import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { many } from "../database/rows.ts";
import { z } from "zod";
import { tellOfGroups } from "./rules.ts";
import { countOnlyHere, deleteRow, lockGroup } from "./store.ts";

/** What went with a group. */
export interface DeletedGroup {
  id: string;
  /** Hosts that are in no group now: every operator sees them. */
  opened_hosts: number;
}

/**
 * Deletes a group. Its hosts and users stay; hosts that were in no other group are in none then, so that every operator
 * sees and manages them.
 *
 * @param expected how many hosts the person was told would become so; null when nobody was told
 * @throws AppError group_not_found; conflict when by now more hosts would become visible than the person was told
 */
export function deleteGroup(
  sql: Sql,
  groupId: string,
  expected: number | null,
  context: Context,
): Promise<DeletedGroup> {
  return transaction(sql, async (tx) => {
    const group = await lockGroup(tx, groupId);
    const opened_hosts = await countOnlyHere(tx, group.id, null);
    if (expected !== null && opened_hosts > expected) {
      throw new AppError("conflict", {
        message: `By now ${opened_hosts} of its hosts would become visible to every operator, not ${expected}.`,
        hint: "Look at the group again, then decide.",
      });
    }
    const [members] = await many(
      z.object({ hosts: z.number(), users: z.number() }),
      tx`
        select (select count(*)::int from host_groups where group_id = ${group.id}) as hosts,
          (select count(*)::int from user_groups where group_id = ${group.id}) as users`,
    );
    await deleteRow(tx, group.id);
    await tellOfGroups(tx);
    await appendFor(tx, context, {
      action: "group.delete",
      object: { kind: "group", id: group.id, name: group.name },
      outcome: "success",
      details: { ...members, opened_hosts },
    });
    return { id: group.id, opened_hosts };
  });
}
