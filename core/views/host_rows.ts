import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { ListSelection } from "./host_selection.ts";
import { hostConditions, hostSource } from "./host_filter.ts";
import { type Fragment, visibleGroups } from "./scope.ts";

/**
 * All rows of the list of hosts, packed: 2,500 of them travel in one answer. What repeats is written once and named by
 * its place; a row is a line whose parts stand between bars: places of the system, the reason, the index's error, the
 * groups and the tags, then what {@link packed} writes. The name comes last, so that it may hold a bar.
 */
export interface HostRows {
  /** Seconds since 1970 from which all times count back. */
  at: number;
  /** Operating systems: id, name, version. */
  systems: [string, string, string][];
  /** Groups that the viewer may know of, by name, also without hosts: id, name. */
  groups: [string, string][];
  /** Reasons, errors and tags. */
  texts: string[];
  rows: string;
}

/** Bits of a row's flags. */
export const ROW_FLAGS = { simulated: 1, refused: 2, reboot: 4, reported: 8 } as const;

const text = z.string().nullable();
const Row = z.object({
  os_id: text,
  os_name: text,
  os_version: text,
  reason: text,
  index_error: text,
  groups: z.array(z.string()).nullable(),
  tags: z.array(z.string()).nullable(),
  rest: z.string(),
});
type Row = z.infer<typeof Row>;

/**
 * Hosts that the viewer may see.
 *
 * @param which `only`: those behind a figure; `ids`: those of them. Without either all.
 * @param at the present; times are told in seconds before it
 */
export async function hostRows(
  db: Db,
  viewer: string,
  which: { only?: ListSelection; ids?: string[] },
  at: Temporal.Instant,
): Promise<HostRows> {
  const { only, ids } = which;
  const seconds = Math.floor(at.epochMilliseconds / 1000);
  const rows = await many(
    Row,
    db`
      select h.os_id, h.os_name, h.os_version, coalesce(d.refused_reason, h.health_reason) as reason, d.index_error,
        m.groups, case when h.tags <> '{}' then h.tags end as tags, ${packed(db, seconds)} as rest
      from ${hostSource(db, viewer)}
      left join (
        select hg.host_id, array_agg(g.id::text) as groups
        from host_groups hg join ${visibleGroups(db, viewer)} g on g.id = hg.group_id
        group by hg.host_id
      ) m on m.host_id = h.id
      left join patch_job_hosts r
        on r.host_id = h.id and r.state in ('dispatching', 'running', 'verifying', 'rebooting')
      where ${hostConditions(db, { only }).only} and ${ids ? db`h.id = any(${ids}::uuid[])` : db`true`}`,
  );
  const groups = await many(
    z.object({ id: z.string(), name: z.string() }),
    db`select id, name from ${visibleGroups(db, viewer)} g order by lower(name), id`,
  );
  return packRows(rows, groups, seconds);
}

/**
 * What needs no dictionary, between bars: id, FQDN where it is not the name, address, first letter of the health, since
 * when, silent since, last seen, index, flags, first letter of the compliance, pending, security, installable, job and
 * its state, name. Numbers are decimal, times seconds before `at`. Written by the database, since 20 values more of each
 * of 2,500 hosts cost the web role as much as the page itself.
 */
function packed(db: Db, at: number): Fragment {
  const hex = (id: Fragment) => db`replace(${id}::text, '-', '')`;
  const ago = (time: Fragment) => db`coalesce((${at}::int8 - floor(date_part('epoch', ${time}))::int8)::text, '')`;
  return db`concat_ws('|', ${hex(db`h.id`)},
    case when h.fqdn = x.name then '' else replace(h.fqdn, '|', '') end, host(h.address), left(h.health, 1),
    ${ago(db`h.health_since`)}, ${ago(db`h.not_answering_since`)}, ${ago(db`x.last_seen`)},
    ${ago(db`d.index_refreshed_at`)},
    h.simulated::int * ${ROW_FLAGS.simulated}::int + (d.refused_at is not null)::int * ${ROW_FLAGS.refused}::int
      + h.reboot_required::int * ${ROW_FLAGS.reboot}::int
      + (d.received_at is not null)::int * ${ROW_FLAGS.reported}::int,
    left(x.compliance, 1), c.pending, c.security, c.installable,
    coalesce(${hex(db`r.job_id`)} || ' ' || r.state, ''), translate(x.name, E'\\t\\n\\r', '   '))`;
}

function packRows(rows: Row[], groups: { id: string; name: string }[], at: number): HostRows {
  const systems = new Places<[string, string, string]>();
  const texts = new Places<string>();
  const places = new Map(groups.map(({ id }, index) => [id, index]));
  const place = (value: string | null) => value === null ? "" : texts.place(value, value);
  const lines = rows.map(({ os_id, os_name, os_version, reason, index_error, groups, tags, rest }) => {
    const named: [string, string, string] = [os_id ?? "unknown", os_name ?? "", os_version ?? ""];
    const system = systems.place(named.join("\u0000"), named);
    const of_groups = groups === null ? "" : groups.flatMap((id) => places.get(id) ?? []).join();
    const of_tags = tags === null ? "" : tags.map(place).join();
    return `${system}|${place(reason)}|${place(index_error)}|${of_groups}|${of_tags}|${rest}`;
  });
  return {
    at,
    systems: systems.values,
    groups: groups.map(({ id, name }) => [id, name]),
    texts: texts.values,
    rows: lines.join("\n"),
  };
}

/** Values that are written once. */
class Places<T> {
  readonly values: T[] = [];
  #places = new Map<string, number>();
  place(key: string, value: T): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.values.length);
    return this.values.push(value) - 1;
  }
}
