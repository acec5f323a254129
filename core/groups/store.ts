import { z } from "zod";
import { CASELESS_COLLATION } from "../database/connection.ts";
import { many, maybe } from "../database/rows.ts";
import type { Db, Tx } from "../database/types.ts";
import { isUuid } from "../ids.ts";
import { AppError } from "../errors.ts";
import { Group, type MemberKind } from "./types.ts";

/** Serialises whatever changes names of groups, so that a taken name is named instead of a broken index. */
const NAMES_LOCK = 7204510336017;

export async function lockNames(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${NAMES_LOCK})`;
}

/** The group that has this name in any spelling of capitals, but the one that is being changed. */
export function selectByName(db: Db, name: string, but: string | null): Promise<Group | null> {
  const caseless = db(CASELESS_COLLATION);
  // As the index has it.
  return maybe(
    Group,
    db`
      select id, name, description from groups
      where lower(name collate ${caseless}) collate "C" = lower(${name}::text collate ${caseless}) collate "C"
        and id is distinct from ${but}::uuid`,
  );
}

/**
 * The group, kept as it is until the transaction ends.
 * @throws AppError group_not_found
 */
export async function lockGroup(tx: Tx, id: string): Promise<Group> {
  const group = isUuid(id)
    ? await maybe(Group, tx`select id, name, description from groups where id = ${id} for update`)
    : null;
  if (!group) throw new AppError("group_not_found");
  return group;
}

export async function insertGroup(db: Db, group: Group, at: Temporal.Instant, by: string): Promise<void> {
  await db`
    insert into groups (id, name, description, created_at, created_by)
    values (${group.id}, ${group.name}, ${group.description}, ${at}, ${by})`;
}

export async function updateGroup(db: Db, { id, name, description }: Group): Promise<void> {
  await db`update groups set name = ${name}, description = ${description} where id = ${id}`;
}

/** Memberships, and what enrolment tokens gave, go with it. */
export async function deleteRow(db: Db, id: string): Promise<void> {
  await db`delete from groups where id = ${id}`;
}

const Member = z.object({ id: z.uuid() });

/** Those of the ids that exist: hosts that the viewer may see, users whoever they are. */
export async function selectKnown(db: Db, kind: MemberKind, viewer: string, ids: string[]): Promise<string[]> {
  const rows = await many(
    Member,
    kind === "hosts"
      ? db`select v.host_id as id from visible_hosts(${viewer}) v where v.host_id = any(${ids}::uuid[])`
      : db`select id from users where id = any(${ids}::uuid[])`,
  );
  return rows.map(({ id }) => id);
}

/** Makes them members; answers those that were none before. */
export async function insertMembers(db: Db, kind: MemberKind, groupId: string, ids: string[]): Promise<string[]> {
  const rows = await many(
    Member,
    kind === "hosts"
      ? db`
        insert into host_groups (host_id, group_id) select id, ${groupId}::uuid from unnest(${ids}::uuid[]) id order by 1
        on conflict do nothing returning host_id as id`
      : db`
        insert into user_groups (user_id, group_id) select id, ${groupId}::uuid from unnest(${ids}::uuid[]) id order by 1
        on conflict do nothing returning user_id as id`,
  );
  return rows.map(({ id }) => id);
}

/** Ends their membership; answers those that were members. */
export async function deleteMembers(db: Db, kind: MemberKind, groupId: string, ids: string[]): Promise<string[]> {
  const rows = await many(
    Member,
    kind === "hosts"
      ? db`delete from host_groups where group_id = ${groupId} and host_id = any(${ids}::uuid[]) returning host_id as id`
      : db`delete from user_groups where group_id = ${groupId} and user_id = any(${ids}::uuid[]) returning user_id as id`,
  );
  return rows.map(({ id }) => id);
}

/** Hosts of the group that are in no other: they would be in none without it. */
export async function countOnlyHere(db: Db, groupId: string, ids: string[] | null): Promise<number> {
  const [{ hosts }] = await many(
    z.object({ hosts: z.number() }),
    db`
      select count(*)::int as hosts
      from host_groups hg join hosts h on h.id = hg.host_id and h.removed_at is null
      where hg.group_id = ${groupId} and (${ids}::uuid[] is null or hg.host_id = any(${ids}::uuid[]))
        and not exists (select from host_groups o where o.host_id = hg.host_id and o.group_id <> ${groupId})`,
  );
  return hosts;
}

/** Takes a host out of groups; all of them unless some are named. */
export function deleteMemberships(db: Db, hostId: string, groupIds: string[] | null): Promise<{ id: string }[]> {
  return many(
    Member,
    db`
      delete from host_groups
      where host_id = ${hostId} and (${groupIds}::uuid[] is null or group_id = any(${groupIds}::uuid[]))
      returning group_id as id`,
  );
}
