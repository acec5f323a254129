import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { findHost } from "../hosts/find_host.ts";
import { isUuid } from "../ids.ts";
import { tellOfGroups } from "./rules.ts";
import { deleteMemberships } from "./store.ts";

/**
 * Takes a host out of one group, or of all: then it is in none, and every operator sees it.
 *
 * @param groupId null for all groups
 * @returns ids of the groups that it was in
 * @throws AppError host_not_found, also for a host that the viewer may not see; group_not_found when it is not in the
 *   named one
 */
export function leaveGroups(
  sql: Sql,
  viewer: string,
  hostId: string,
  groupId: string | null,
  context: Context,
): Promise<string[]> {
  return transaction(sql, async (tx) => {
    const host = await findHost(tx, viewer, hostId);
    if (groupId !== null && !isUuid(groupId)) throw new AppError("group_not_found");
    const left = (await deleteMemberships(tx, host.id, groupId === null ? null : [groupId])).map(({ id }) => id).sort();
    if (groupId !== null && left.length === 0) throw new AppError("group_not_found");
    if (left.length > 0) await tellOfGroups(tx);
    await appendFor(tx, context, {
      action: "host.leave_groups",
      object: { kind: "host", id: host.id, name: host.fqdn },
      outcome: "success",
      details: { groups: left },
    });
    return left;
  });
}
