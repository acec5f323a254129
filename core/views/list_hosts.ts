import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { healthStates } from "../hosts/types.ts";
import { hostCondition, hostConditions, HostFilter, hostSource, hostStatuses, statusCondition } from "./host_filter.ts";
import { caseless, checked, makePage, type Page, readCursor, readLimit } from "./page.ts";
import { type Fragment, visibleGroups } from "./scope.ts";

export const hostSorts = ["name", "health", "pending", "security", "last_seen", "os"] as const;
/** A column, from small to large; with a dash before it from large to small. Health: worst first. */
export const HostSort = z.enum([...hostSorts, ...hostSorts.map((sort) => `-${sort}` as const)]);
export type HostSort = z.infer<typeof HostSort>;

export const HostListQuery = HostFilter.extend({
  sort: HostSort.default("name"),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type HostListQuery = z.input<typeof HostListQuery>;

const instant = z.instanceof(Temporal.Instant);
const count = z.number().int();
const Group = z.object({ id: z.string(), name: z.string() });
const Running = z.object({ job_id: z.string(), state: z.string(), progress: count });

/** compliant; not_compliant; stale: data too old to say; unknown: never reported, or does not say which updates are security ones. */
export const compliances = ["compliant", "not_compliant", "stale", "unknown"] as const;

/** One host in a list. */
export const HostRow = z.object({
  id: z.string(),
  /** Display name, else the FQDN. */
  name: z.string(),
  fqdn: z.string(),
  address: z.string(),
  port: count,
  simulated: z.boolean(),
  os_id: z.string().nullable(),
  os_name: z.string().nullable(),
  os_version: z.string().nullable(),
  architecture: z.string().nullable(),
  tags: z.array(z.string()),
  groups: z.array(Group),
  health: z.enum(healthStates),
  health_since: instant,
  health_reason: z.string().nullable(),
  not_answering_since: instant.nullable(),
  last_seen: instant.nullable(),
  report_received_at: instant.nullable(),
  /** When the host last refreshed its package index; null when it cannot say. */
  index_refreshed_at: instant.nullable(),
  index_error: z.string().nullable(),
  package_state: z.enum(["ok", "interrupted", "broken", "locked"]),
  refused_at: instant.nullable(),
  refused_reason: z.string().nullable(),
  reboot_required: z.boolean(),
  compliance: z.enum(compliances),
  installed: count,
  pending: count,
  installable: count,
  security: count,
  critical: count,
  high: count,
  medium: count,
  low: count,
  unknown: count,
  held: count,
  phased: count,
  kept_back: count,
  pinned: count,
  excluded: count,
  blocked: count,
  /** Pending updates of which the agent does not say whether they are security ones. */
  security_unknown: count,
  cves: count,
  oldest_security_at: instant.nullable(),
  /** The job that works on it now. */
  running_job: Running.nullable(),
});
export type HostRow = z.infer<typeof HostRow>;

/** How many hosts each value of a filter would show, with the other filters as they are. */
export interface HostFacets {
  health: Record<typeof healthStates[number], number>;
  status: Record<typeof hostStatuses[number], number>;
  os: { os: string; name: string; count: number }[];
  groups: { id: string; name: string; count: number }[];
  /** Hosts in no group. */
  ungrouped: number;
}
export type HostList = Page<HostRow> & { facets: HostFacets };

/** Columns of {@link HostRow}, over {@link hostSource}. */
export function hostColumns(db: Db, viewer: string): Fragment {
  return db`
    h.id, x.name, h.fqdn, host(h.address) as address, h.port, h.simulated, h.os_id, h.os_name, h.os_version,
    h.architecture, h.tags, h.health, h.health_since, h.health_reason, h.not_answering_since, x.last_seen,
    d.received_at as report_received_at, d.index_refreshed_at, d.index_error, d.state as package_state, d.refused_at,
    d.refused_reason, h.reboot_required, x.compliance, c.installed, c.pending, c.installable, c.security, c.critical,
    c.high, c.medium, c.low, c.unknown, c.held, c.phased, c.kept_back, c.pinned, c.excluded, c.blocked, c.security_unknown, c.cves,
    c.oldest_security_at,
    (
      select coalesce(json_agg(json_build_object('id', g.id, 'name', g.name) order by g.name), '[]')
      from host_groups hg join ${visibleGroups(db, viewer)} g on g.id = hg.group_id
      where hg.host_id = h.id
    ) as groups,
    (
      select json_build_object('job_id', r.job_id, 'state', r.state, 'progress', r.progress)
      from patch_job_hosts r
      where r.host_id = h.id and r.state in ('dispatching', 'running', 'verifying', 'rebooting')
    ) as running_job`;
}

/** Every order as text in one collation, so that one comparison serves all of them. */
function sortKey(db: Db, sort: string): Fragment {
  const name = db`lower(${caseless(db, db`x.name`)})`;
  switch (sort) {
    case "health":
      return db`array_position(array['unreachable', 'degraded', 'pending', 'healthy'], h.health) || ${name}`;
    case "pending":
      return db`lpad(c.pending::text, 10, '0')`;
    case "security":
      return db`lpad(c.security::text, 10, '0')`;
    case "last_seen":
      return db`to_char(coalesce(x.last_seen, 'epoch') at time zone 'UTC', 'YYYYMMDDHH24MISSUS')`;
    case "os":
      return db`lower(${caseless(db, db`concat_ws(' ', h.os_name, h.os_version)`)})`;
    default:
      return name;
  }
}

/**
 * Hosts that the viewer may see: filtered, sorted, in pages of up to 500, with the numbers of every filter.
 * @throws AppError validation_failed, bad_request for a foreign cursor
 */
export async function listHosts(db: Db, viewer: string, query: HostListQuery): Promise<HostList> {
  const { sort, cursor, limit: wanted, ...filter } = checked(HostListQuery, query);
  const limit = readLimit(wanted, 100, 500);
  const after = readCursor(cursor, `hosts ${sort}`);
  const rows = await rowsAfter(db, viewer, filter, sort, after, limit + 1);
  const { total, facets } = await countHosts(db, viewer, filter);
  return { ...makePage(rows, limit, `hosts ${sort}`, total, withoutKey), facets };
}

/** Rows of the list with their place in its order, from behind a place. */
export async function rowsAfter(
  db: Db,
  viewer: string,
  filter: HostFilter,
  sort: HostSort,
  after: { key: string; id: string } | null,
  limit: number,
): Promise<(HostRow & { key: string })[]> {
  const down = sort.startsWith("-");
  const key = db`(${sortKey(db, sort.replace("-", ""))}) collate "C"`;
  const id = db`h.id::text collate "C"`;
  const beyond = after === null
    ? db`true`
    : down
    ? db`(${key}, ${id}) < (${after.key}, ${after.id})`
    : db`(${key}, ${id}) > (${after.key}, ${after.id})`;
  const direction = down ? db`desc` : db`asc`;
  return await many(
    HostRow.extend({ key: z.string() }),
    db`
      select ${hostColumns(db, viewer)}, ${key} as key
      from ${hostSource(db, viewer)}
      where ${hostCondition(db, filter)} and ${beyond}
      order by ${key} ${direction}, ${id} ${direction}
      limit ${limit}`,
  );
}

function withoutKey({ key: _, ...row }: HostRow & { key: string }): HostRow {
  return row;
}

const CountRow = z.object({
  total: count,
  health: z.record(z.string(), count),
  status: z.record(z.string(), count),
  os: z.array(z.object({ os: z.string(), name: z.string(), count })),
  groups: z.array(z.object({ id: z.string(), name: z.string(), count })),
  ungrouped: count,
});

/** One pass over the visible hosts; each facet counts with all conditions but its own. */
async function countHosts(
  db: Db,
  viewer: string,
  filter: HostFilter,
): Promise<{ total: number; facets: HostFacets }> {
  const is = hostConditions(db, filter);
  const statuses = hostStatuses.map((status) => db`, ${statusCondition(db, status)} as ${db(`is_${status}`)}`);
  const statusCounts = hostStatuses.map((status, i) =>
    db`${
      i === 0 ? db`` : db`,`
    } ${status}::text, count(*) filter (where search and health_ok and os_ok and group_ok and ${db(`is_${status}`)})`
  );
  const row = await one(
    CountRow,
    db`
      with base as materialized (
        select h.id, h.health, coalesce(h.os_id, 'unknown') as os, h.os_name, ${is.search} as search,
          ${is.health} as health_ok, ${is.os} as os_ok, ${is.status} as status_ok, ${is.group} as group_ok ${statuses}
        from ${hostSource(db, viewer)}
        where ${is.only}
      )
      select
        (select count(*)::int from base where search and health_ok and os_ok and status_ok and group_ok) as total,
        (
          select coalesce(json_object_agg(health, n), '{}')
          from (select health, count(*) as n from base where search and os_ok and status_ok and group_ok group by 1) t
        ) as health,
        (select json_build_object(${statusCounts}) from base) as status,
        (
          select coalesce(json_agg(json_build_object('os', os, 'name', name, 'count', n) order by n desc, os), '[]')
          from (
            select os, coalesce(max(os_name), os) as name, count(*) as n
            from base where search and health_ok and status_ok and group_ok group by os
          ) t
        ) as os,
        (
          select coalesce(json_agg(json_build_object('id', id, 'name', name, 'count', n) order by lower(name)), '[]')
          from (
            select g.id, g.name, count(base.id) as n
            from ${visibleGroups(db, viewer)} g
            left join host_groups hg on hg.group_id = g.id
            left join base on base.id = hg.host_id and search and health_ok and os_ok and status_ok
            group by g.id, g.name
          ) t
        ) as groups,
        (
          select count(*)::int from base
          where search and health_ok and os_ok and status_ok
            and not exists (select from host_groups hg where hg.host_id = base.id)
        ) as ungrouped`,
  );
  const { total, os, groups, ungrouped } = row;
  const zero = <K extends string>(keys: readonly K[], counts: Record<string, number>) =>
    Object.fromEntries(keys.map((key) => [key, counts[key] ?? 0])) as Record<K, number>;
  const facets = {
    health: zero(healthStates, row.health),
    status: zero(hostStatuses, row.status),
    os,
    groups,
    ungrouped,
  };
  return { total, facets };
}
