import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { readIds, tellOfGroups } from "./rules.ts";
import { countOnlyHere, deleteMembers, insertMembers, lockGroup, selectKnown } from "./store.ts";
import type { MemberKind } from "./types.ts";

/** What a change of members did. */
export interface ChangedMembers {
  /** Of the given ones, those that it made a difference for. */
  changed: number;
  /** Hosts that are in no group now: every operator sees them. Always 0 for users and for what was added. */
  opened_hosts: number;
}

/**
 * Makes hosts or users members of a group; those that are already stay.
 *
 * @param viewer only hosts that they may see can be added
 * @throws AppError group_not_found; host_not_found or user_not_found when one of them does not exist: then nothing changes
 */
export function addMembers(
  sql: Sql,
  viewer: string,
  groupId: string,
  kind: MemberKind,
  ids: string[],
  context: Context,
): Promise<ChangedMembers> {
  const wanted = readIds(kind, ids);
  return transaction(sql, async (tx) => {
    const group = await lockGroup(tx, groupId);
    const known = await selectKnown(tx, kind, viewer, wanted);
    if (known.length < wanted.length) throw new AppError(kind === "hosts" ? "host_not_found" : "user_not_found");
    const added = await insertMembers(tx, kind, group.id, known);
    if (added.length > 0) await tellOfGroups(tx);
    await appendFor(tx, context, {
      action: kind === "hosts" ? "group.add_hosts" : "group.add_users",
      object: { kind: "group", id: group.id, name: group.name },
      outcome: "success",
      details: { [kind]: added.sort() },
    });
    return { changed: added.length, opened_hosts: 0 };
  });
}

/**
 * Ends the membership of hosts or users; who is no member is passed over.
 *
 * @throws AppError group_not_found, validation_failed
 */
export function removeMembers(
  sql: Sql,
  groupId: string,
  kind: MemberKind,
  ids: string[],
  context: Context,
): Promise<ChangedMembers> {
  const wanted = readIds(kind, ids);
  return transaction(sql, async (tx) => {
    const group = await lockGroup(tx, groupId);
    const opened_hosts = kind === "hosts" ? await countOnlyHere(tx, group.id, wanted) : 0;
    const removed = await deleteMembers(tx, kind, group.id, wanted);
    if (removed.length > 0) await tellOfGroups(tx);
    await appendFor(tx, context, {
      action: kind === "hosts" ? "group.remove_hosts" : "group.remove_users",
      object: { kind: "group", id: group.id, name: group.name },
      outcome: "success",
      details: { [kind]: removed.sort(), ...(kind === "hosts" ? { opened_hosts } : {}) },
    });
    return { changed: removed.length, opened_hosts };
  });
}
