import type { PendingQuery, Row } from "postgres";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import type { Db } from "../database/types.ts";

/** A piece of SQL that another statement takes in. */
export type Fragment = PendingQuery<Row[]>;

/**
 * Hosts whose history the viewer may read: as visible_hosts(), with those that were removed. For jobs and what else
 * stays when a host has gone.
 */
export function rememberedHosts(db: Db, viewer: string): Fragment {
  return db`(
    select h.id as host_id
    from hosts h cross join who_sees(${viewer}) who
    where (
        who.role in ('admin', 'auditor')
        or not exists (select from host_groups hg where hg.host_id = h.id)
        or exists (
          select from host_groups hg join user_groups ug on ug.group_id = hg.group_id
          where hg.host_id = h.id and ug.user_id = who.user_id
        )
      )
      and (
        who.group_ids is null
        or exists (select from host_groups hg where hg.host_id = h.id and hg.group_id = any(who.group_ids))
      )
  )`;
}

/** Whether no group limits what the viewer may see: {@link rememberedHosts} is every host then. */
export function seesEverything(db: Db, viewer: string): Fragment {
  return db`exists (
    select from who_sees(${viewer}) who where who.role in ('admin', 'auditor') and who.group_ids is null
  )`;
}

/**
 * Groups whose names the viewer may read: operators their own, so that a shared host tells nothing of others; an API
 * token that is limited to groups those only.
 */
export function visibleGroups(db: Db, viewer: string): Fragment {
  return db`(
    select g.id, g.name
    from groups g cross join who_sees(${viewer}) who
    where (who.group_ids is null or g.id = any(who.group_ids))
      and (
        who.role in ('admin', 'auditor')
        or exists (select from user_groups ug where ug.group_id = g.id and ug.user_id = who.user_id)
      )
  )`;
}

/** @throws AppError host_not_found, the same for no host, a removed one and one of a group that is not the viewer's */
export async function mustSee(db: Db, viewer: string, hostId: string): Promise<void> {
  if (isUuid(hostId)) {
    const rows = await db`select from visible_hosts(${viewer}) v where v.host_id = ${hostId}`;
    if (rows.length === 1) return;
  }
  throw new AppError("host_not_found");
}
