import { z } from "zod";
import { many } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { DEFAULT_AGENT_PORT } from "../hosts/types.ts";
import type { ListSelection } from "./host_selection.ts";
import { hostConditions, hostSource } from "./host_filter.ts";
import { visibleGroups } from "./scope.ts";

/**
 * All rows of the list of hosts, packed: 2,500 of them travel in one answer. What repeats is written once and named by
 * its place; a row is a line, its parts stand between bars in the order of {@link packRow}. The name comes last, so that
 * it may hold a bar.
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

const count = z.number().int();
const seconds = z.number().nullable();
const Row = z.object({
  id: z.string(),
  name: z.string(),
  fqdn: z.string(),
  address: z.string(),
  port: count,
  os_id: z.string().nullable(),
  os_name: z.string().nullable(),
  os_version: z.string().nullable(),
  health: z.string(),
  since: count,
  silent: seconds,
  reason: z.string().nullable(),
  seen: seconds,
  index_at: seconds,
  index_error: z.string().nullable(),
  flags: count,
  compliance: z.string(),
  pending: count,
  security: count,
  installable: count,
  groups: z.array(z.string()),
  tags: z.array(z.string()),
  job_id: z.string().nullable(),
  job_state: z.string().nullable(),
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
  const rows = await many(
    Row,
    db`
      select h.id, x.name, h.fqdn, host(h.address) as address, h.port, h.os_id, h.os_name, h.os_version, h.health,
        extract(epoch from h.health_since)::float8::bigint::float8 as since,
        extract(epoch from h.not_answering_since)::float8 as silent,
        coalesce(d.refused_reason, h.health_reason) as reason,
        extract(epoch from x.last_seen)::float8 as seen,
        extract(epoch from d.index_refreshed_at)::float8 as index_at, d.index_error,
        h.simulated::int * ${ROW_FLAGS.simulated}::int + (d.refused_at is not null)::int * ${ROW_FLAGS.refused}::int
          + h.reboot_required::int * ${ROW_FLAGS.reboot}::int
          + (d.received_at is not null)::int * ${ROW_FLAGS.reported}::int as flags,
        x.compliance, c.pending, c.security, c.installable, h.tags, coalesce(m.groups, '{}') as groups,
        r.job_id, r.state as job_state
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
  return packRows(rows, groups, Math.floor(at.epochMilliseconds / 1000));
}

function packRows(rows: Row[], groups: { id: string; name: string }[], at: number): HostRows {
  const systems = new Places<[string, string, string]>();
  const texts = new Places<string>();
  const places = new Map(groups.map(({ id }, index) => [id, index]));
  const lines = rows.map((row) => packRow(row, at, systems, texts, places));
  return {
    at,
    systems: systems.values,
    groups: groups.map(({ id, name }) => [id, name]),
    texts: texts.values,
    rows: lines.join("\n"),
  };
}

function packRow(
  row: Row,
  at: number,
  systems: Places<[string, string, string]>,
  texts: Places<string>,
  groups: Map<string, number>,
): string {
  const { os_id, os_name, os_version } = row;
  const text = (value: string | null) => value === null ? "" : small(texts.place(value, value));
  const ago = (time: number | null) => time === null ? "" : small(at - Math.floor(time));
  const system: [string, string, string] = [os_id ?? "unknown", os_name ?? "", os_version ?? ""];
  return [
    row.id.replaceAll("-", ""),
    row.fqdn === row.name ? "" : row.fqdn.replaceAll("|", ""),
    row.address,
    row.port === DEFAULT_AGENT_PORT ? "" : row.port,
    small(systems.place(system.join("\u0000"), system)),
    row.health.charAt(0),
    ago(row.since),
    ago(row.silent),
    text(row.reason),
    ago(row.seen),
    ago(row.index_at),
    text(row.index_error),
    small(row.flags),
    row.compliance.charAt(0),
    small(row.pending),
    small(row.security),
    small(row.installable),
    row.groups.map((id) => small(groups.get(id) ?? 0)).join(),
    row.tags.map((tag) => small(texts.place(tag, tag))).join(),
    row.job_id === null ? "" : `${row.job_id.replaceAll("-", "")} ${row.job_state}`,
    row.name.replace(/[\t\n\r]+/g, " "),
  ].join("|");
}

function small(value: number): string {
  return value.toString(36);
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
