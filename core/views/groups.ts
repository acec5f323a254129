import { z } from "zod";
import { many, maybe, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";
import { hostCondition, HostFilter, hostSource } from "./host_filter.ts";
import { visibleGroups } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();

/** A group in a list. */
export const GroupRow = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  hosts: count,
  /** People who manage its hosts because of it: operators and, without effect, others. */
  users: count,
  /** Hosts that are in no other group. */
  only_here: count,
  created_at: instant,
  created_by: z.string().nullable(),
});
export type GroupRow = z.infer<typeof GroupRow>;

/** Groups by name: all for admins and auditors, their own for operators. */
export function listGroups(db: Db, viewer: string): Promise<GroupRow[]> {
  return many(GroupRow, db`select ${columns(db)} from ${source(db, viewer)} order by lower(g.name), g.id`);
}

/**
 * One group.
 * @throws AppError group_not_found, also for a group that the viewer may not read
 */
export async function groupDetail(db: Db, viewer: string, groupId: string): Promise<GroupRow> {
  const group = isUuid(groupId)
    ? await maybe(GroupRow, db`select ${columns(db)} from ${source(db, viewer)} where g.id = ${groupId}`)
    : null;
  if (!group) throw new AppError("group_not_found");
  return group;
}

function columns(db: Db) {
  return db`
    g.id, g.name, g.description, g.created_at, u.username as created_by, coalesce(m.hosts, 0) as hosts,
    coalesce(m.only_here, 0) as only_here,
    (select count(*)::int from user_groups ug where ug.group_id = g.id) as users`;
}

function source(db: Db, viewer: string) {
  return db`
    ${visibleGroups(db, viewer)} known
    join groups g on g.id = known.id
    left join users u on u.id = g.created_by
    left join (
      select hg.group_id, count(*)::int as hosts, count(*) filter (where n.groups = 1)::int as only_here
      from host_groups hg
      join hosts h on h.id = hg.host_id and h.removed_at is null
      join (select host_id, count(*) as groups from host_groups group by host_id) n on n.host_id = hg.host_id
      group by hg.group_id
    ) m on m.group_id = g.id`;
}

/** Somebody who can be, or is, a member of a group. */
export const GroupUser = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(["admin", "operator", "auditor"]),
  /** True when the account is switched off. */
  disabled: z.boolean(),
});
export type GroupUser = z.infer<typeof GroupUser>;

/**
 * Members of a group, by name; at most 1,000.
 * @throws AppError group_not_found
 */
export async function groupUsers(db: Db, viewer: string, groupId: string): Promise<GroupUser[]> {
  await groupDetail(db, viewer, groupId);
  return await many(
    GroupUser,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled
      from user_groups ug join users u on u.id = ug.user_id
      where ug.group_id = ${groupId}
      order by lower(u.username), u.id
      limit 1000`,
  );
}

/** Who is no member of a group and could become one, by name; at most 1,000. For admins: the route says so. */
export function usersOutside(db: Db, groupId: string): Promise<GroupUser[]> {
  return many(
    GroupUser,
    db`
      select u.id, u.username, u.display_name, u.role, u.disabled_at is not null as disabled
      from users u
      where u.disabled_at is null
        and not exists (select from user_groups ug where ug.user_id = u.id and ug.group_id = ${groupId})
      order by (u.role = 'operator') desc, lower(u.username), u.id
      limit 1000`,
  );
}

const Impact = z.object({
  /** Hosts that would be in no group. */
  opened_hosts: count,
  /** Operators who do not see all of those hosts now and would. */
  operators: count,
  /** Operators who see its hosts because of it. */
  members: count,
  /** Enrolment tokens that are open and put machines into this group only. */
  tokens: count,
  /** Machines that wait for approval with such a token. */
  waiting: count,
});
export type DeleteImpact = z.infer<typeof Impact>;

/** What deleting a group would change. For admins: the route says so. */
export function deleteImpact(db: Db, groupId: string): Promise<DeleteImpact> {
  return one(
    Impact,
    db`
      with lonely as (
        select hg.host_id
        from host_groups hg join hosts h on h.id = hg.host_id and h.removed_at is null
        where hg.group_id = ${groupId}
          and not exists (select from host_groups o where o.host_id = hg.host_id and o.group_id <> ${groupId})
      ), bare as (
        select tg.token_id
        from enrolment_token_groups tg
        where tg.group_id = ${groupId}
          and not exists (select from enrolment_token_groups o where o.token_id = tg.token_id and o.group_id <> ${groupId})
      ), operator as (
        select u.id, exists (select from user_groups ug where ug.user_id = u.id and ug.group_id = ${groupId}) as member
        from users u where u.role = 'operator' and u.disabled_at is null
      )
      select
        (select count(*)::int from lonely) as opened_hosts,
        (select count(*)::int from operator where not member) as operators,
        (select count(*)::int from operator where member) as members,
        (
          select count(*)::int from enrolment_tokens t join bare on bare.token_id = t.id
          where t.used_at is null and t.revoked_at is null and t.expires_at > app_now()
        ) as tokens,
        (
          select count(*)::int from enrolments e join bare on bare.token_id = e.token_id
          where e.state = 'pending' and e.expires_at > app_now()
        ) as waiting`,
  );
}

/** Ids of the hosts that a filter shows the viewer, at most `most` of them. */
export async function hostIdsOf(db: Db, viewer: string, filter: HostFilter, most: number): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      select h.id from ${hostSource(db, viewer)} where ${hostCondition(db, filter)} order by h.id limit ${most}`,
  );
  return rows.map(({ id }) => id);
}
