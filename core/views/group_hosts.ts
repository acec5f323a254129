import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { healthStates } from "../hosts/types.ts";
import { hostCondition, HostFilter, hostSource } from "./host_filter.ts";
import { caseless } from "./page.ts";
import { type Fragment, visibleGroups } from "./scope.ts";

const instant = z.instanceof(Temporal.Instant);

/** A host as it is chosen for a group, or out of one. */
export const GroupHost = z.object({
  id: z.string(),
  name: z.string(),
  address: z.string(),
  os_name: z.string().nullable(),
  os_version: z.string().nullable(),
  simulated: z.boolean(),
  health: z.enum(healthStates),
  health_since: instant,
  not_answering_since: instant.nullable(),
  /** Its other groups, as far as the viewer may know of them. */
  others: z.array(z.string()),
  /** It is in no other group than this one, or in none at all. */
  alone: z.boolean(),
});
export type GroupHost = z.infer<typeof GroupHost>;

/** Hosts of a group, or those outside of it. */
export interface GroupHosts {
  items: GroupHost[];
  total: number;
  /** How many of the total are in no other group. */
  alone: number;
}

/**
 * Hosts that the viewer may see and the filter shows, in a group or outside of it, by name.
 * @param limit rows of the answer; the numbers count all
 */
export async function groupHosts(
  db: Db,
  viewer: string,
  groupId: string,
  inside: boolean,
  filter: HostFilter,
  limit: number,
): Promise<GroupHosts> {
  const which = condition(db, groupId, inside, filter);
  const items = await many(
    GroupHost,
    db`
      select h.id, x.name, host(h.address) as address, h.os_name, h.os_version, h.simulated, h.health, h.health_since,
        h.not_answering_since, ${alone(db, groupId)} as alone,
        array(
          select g.name from host_groups hg join ${visibleGroups(db, viewer)} g on g.id = hg.group_id
          where hg.host_id = h.id and hg.group_id <> ${groupId} order by lower(g.name)
        ) as others
      from ${hostSource(db, viewer)} where ${which}
      order by lower(${caseless(db, db`x.name`)}) collate "C", h.id
      limit ${limit}`,
  );
  const numbers = await one(
    z.object({ total: z.number(), alone: z.number() }),
    db`
      select count(*)::int as total, count(*) filter (where ${alone(db, groupId)})::int as alone
      from ${hostSource(db, viewer)} where ${which}`,
  );
  return { items, ...numbers };
}

/** Ids of all of them, at most `most`. */
export async function groupHostIds(
  db: Db,
  viewer: string,
  groupId: string,
  inside: boolean,
  filter: HostFilter,
  most: number,
): Promise<string[]> {
  const rows = await many(
    z.object({ id: z.string() }),
    db`
      select h.id from ${hostSource(db, viewer)}
      where ${condition(db, groupId, inside, filter)} order by h.id limit ${most}`,
  );
  return rows.map(({ id }) => id);
}

const LeavingHost = GroupHost.pick({ id: true, name: true, simulated: true, alone: true });
export type LeavingHost = z.infer<typeof LeavingHost>;

/** Hosts of a group by name, those that are in no other first: what a person reads before they leave it. */
export function leavingHosts(db: Db, viewer: string, groupId: string, ids: string[]): Promise<LeavingHost[]> {
  return many(
    LeavingHost,
    db`
      select h.id, x.name, h.simulated, ${alone(db, groupId)} as alone
      from ${hostSource(db, viewer)}
      where h.id = any(${ids}::uuid[]) and ${member(db, groupId)}
      order by alone desc, lower(${caseless(db, db`x.name`)}) collate "C", h.id`,
  );
}

/** How many of the hosts would be in no group without this one. */
export async function wouldBeAlone(db: Db, groupId: string, ids: string[]): Promise<number> {
  const { hosts } = await one(
    z.object({ hosts: z.number() }),
    db`
      select count(*)::int as hosts from hosts h
      where h.id = any(${ids}::uuid[]) and h.removed_at is null and ${member(db, groupId)} and ${alone(db, groupId)}`,
  );
  return hosts;
}

function member(db: Db, groupId: string): Fragment {
  return db`exists (select from host_groups hg where hg.host_id = h.id and hg.group_id = ${groupId})`;
}

function alone(db: Db, groupId: string): Fragment {
  return db`not exists (select from host_groups o where o.host_id = h.id and o.group_id <> ${groupId})`;
}

function condition(db: Db, groupId: string, inside: boolean, filter: HostFilter): Fragment {
  return db`${member(db, groupId)} = ${inside} and ${hostCondition(db, filter)}`;
}
