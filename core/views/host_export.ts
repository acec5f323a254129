import { rfc3339 } from "../clock.ts";
import type { Db } from "../database/types.ts";
import { type HostListQuery, HostListQuery as Query, type HostRow, rowsAfter } from "./list_hosts.ts";
import { checked } from "./page.ts";

/** Rows that are read at once. */
const BATCH = 500;

/**
 * Begins the file: without it spreadsheet programs on Windows read UTF-8 as their old code page. Programs that read
 * UTF-8 know it (Unicode 16, 23.8).
 */
export const BYTE_ORDER_MARK = "\ufeff";

type Column = (host: HostRow) => string | number | boolean | Temporal.Instant | null | string[];

/** Columns by their names, which are those of the API. They stay; new ones come last. */
const COLUMNS: Record<string, Column> = {
  name: (host) => host.name,
  fqdn: (host) => host.fqdn,
  address: (host) => host.address,
  port: (host) => host.port,
  health: (host) => host.health,
  health_since: (host) => host.health_since,
  health_reason: (host) => host.health_reason,
  not_answering_since: (host) => host.not_answering_since,
  last_seen: (host) => host.last_seen,
  os_name: (host) => host.os_name,
  os_version: (host) => host.os_version,
  architecture: (host) => host.architecture,
  groups: (host) => host.groups.map(({ name }) => name),
  tags: (host) => host.tags,
  compliance: (host) => host.compliance,
  pending: (host) => host.pending,
  installable: (host) => host.installable,
  security: (host) => host.security,
  critical: (host) => host.critical,
  high: (host) => host.high,
  medium: (host) => host.medium,
  low: (host) => host.low,
  unknown: (host) => host.unknown,
  cves: (host) => host.cves,
  oldest_security_at: (host) => host.oldest_security_at,
  reboot_required: (host) => host.reboot_required,
  report_received_at: (host) => host.report_received_at,
  index_refreshed_at: (host) => host.index_refreshed_at,
  index_error: (host) => host.index_error,
  package_state: (host) => host.package_state,
  refused_at: (host) => host.refused_at,
  refused_reason: (host) => host.refused_reason,
  simulated: (host) => host.simulated,
  id: (host) => host.id,
};

/**
 * The list of hosts as CSV (RFC 4180), piece by piece: as many hosts as the fleet has cost no more memory than one
 * piece. Filter and order are those of the list.
 *
 * @throws AppError validation_failed, before the first piece
 */
export async function* exportHosts(db: Db, viewer: string, query: HostListQuery): AsyncGenerator<string> {
  const { sort, cursor: _, limit: __, ...filter } = checked(Query, query);
  let after: { key: string; id: string } | null = null;
  let head = BYTE_ORDER_MARK + line(Object.keys(COLUMNS));
  while (true) {
    const rows: (HostRow & { key: string })[] = await rowsAfter(db, viewer, filter, sort, after, BATCH);
    yield head + rows.map((host) => line(Object.values(COLUMNS).map((column) => text(column(host))))).join("");
    head = "";
    if (rows.length < BATCH) return;
    after = rows.at(-1)!;
  }
}

function text(value: ReturnType<Column>): string {
  if (value === null) return "";
  if (value instanceof Temporal.Instant) return rfc3339(value);
  return Array.isArray(value) ? value.join("; ") : String(value);
}

/** One record. */
export function line(cells: string[]): string {
  return cells.map(cell).join(",") + "\r\n";
}

/**
 * A cell that a spreadsheet program takes for text. What comes from a host is data of an enemy: cells that begin as a
 * formula does get an apostrophe before them (OWASP, "CSV Injection"), also behind spaces and with the wide forms of
 * these signs, which some programs treat alike.
 */
export function cell(value: string): string {
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return /[",;\t\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
