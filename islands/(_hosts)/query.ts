import type { HostLine } from "./rows.ts";

/** What the address of the list says, as it stands there. Empty: any. */
export interface Query {
  q: string;
  health: string;
  os: string;
  status: string;
  group: string;
  /** A column; with a dash before it from large to small. */
  sort: string;
}

/** Parts that leave hosts out. */
export const FILTERS = ["q", "health", "os", "status", "group"] as const;
export const COLUMNS = ["name", "health", "os", "pending", "security", "last_seen"] as const;
export type ColumnName = typeof COLUMNS[number];

const STATUS: Record<string, (host: HostLine) => boolean> = {
  pending: (host) => host.pending > 0,
  security: (host) => host.security > 0,
  reboot: (host) => host.reboot,
  stale: (host) => host.compliance === "stale" || host.compliance === "unknown",
  compliant: (host) => host.compliance === "compliant",
  not_compliant: (host) => host.compliance === "not_compliant",
};

/** How many hosts each value of a filter would show, with the other filters as they are. */
export interface Counts {
  health: Map<string, number>;
  status: Map<string, number>;
  os: Map<string, number>;
  /** By id; `none` for hosts in no group. */
  group: Map<string, number>;
}

/** Hosts that the query shows, in its order, and the numbers of its filters: one pass, then one sort. */
export function selectRows(rows: HostLine[], query: Query): { shown: HostLine[]; counts: Counts } {
  const words = query.q.trim().toLowerCase();
  const status = STATUS[query.status];
  const counts: Counts = { health: new Map(), status: new Map(), os: new Map(), group: new Map() };
  const shown: HostLine[] = [];
  for (const host of rows) {
    if (words && !host.words.includes(words)) continue;
    const health_ok = !query.health || host.health === query.health;
    const os_ok = !query.os || host.os === query.os;
    const status_ok = !status || status(host);
    const group_ok = !query.group ||
      (query.group === "none" ? host.groups.length === 0 : host.groups.includes(query.group));
    const missed = Number(!health_ok) + Number(!os_ok) + Number(!status_ok) + Number(!group_ok);
    if (missed > 1) continue;
    // A host that only one filter leaves out counts for that filter's other values.
    if (missed === 0 || !health_ok) add(counts.health, host.health);
    if (missed === 0 || !os_ok) add(counts.os, host.os);
    if (missed === 0 || !status_ok) { for (const name in STATUS) if (STATUS[name](host)) add(counts.status, name); }
    if (missed === 0 || !group_ok) {
      if (host.groups.length === 0) add(counts.group, "none");
      for (const group of host.groups) add(counts.group, group);
    }
    if (missed === 0) shown.push(host);
  }
  return { shown: sortRows(shown, query.sort), counts };
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const WORST_FIRST = ["unreachable", "degraded", "pending", "healthy"];

const KEYS: Record<ColumnName, (host: HostLine) => string | number> = {
  name: (host) => host.key,
  health: (host) => WORST_FIRST.indexOf(host.health),
  os: (host) => host.system.toLowerCase(),
  pending: (host) => host.pending,
  security: (host) => host.security,
  last_seen: (host) => host.seen ?? 0,
};

/** Among equals the names stay from A to Z, whichever way the column goes. Rows come by name. */
function sortRows(rows: HostLine[], sort: string): HostLine[] {
  const column = sort.replace("-", "") as ColumnName;
  if (sort === "" || sort === "name" || !Object.hasOwn(KEYS, column)) return rows;
  const key = KEYS[column];
  const way = sort.startsWith("-") ? -1 : 1;
  return rows
    .map((host, place) => ({ host, place, key: key(host) }))
    .sort((a, b) => a.key < b.key ? -way : a.key > b.key ? way : a.place - b.place)
    .map(({ host }) => host);
}

/** What a click on a column's head makes of the order. Numbers interest from the largest down, names from A on. */
export function nextSort(current: string, column: ColumnName): string {
  const first = ["pending", "security", "last_seen"].includes(column) ? `-${column}` : column;
  const now = current || "name";
  if (now !== column && now !== `-${column}`) return first;
  return now === column ? `-${column}` : column;
}

/** The query of an address. */
export function readQuery(search: string): Query {
  const params = new URLSearchParams(search);
  const text = (name: string) => (params.get(name) ?? "").replaceAll("\u0000", "");
  return {
    q: text("q"),
    health: text("health"),
    os: text("os"),
    status: text("status"),
    group: text("group"),
    sort: text("sort"),
  };
}

/** The search part of an address, with `?` where there is something to say. */
export function writeQuery(query: Query, only: string | null): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value && !(name === "sort" && value === "name")) params.set(name, value);
  }
  if (only) params.set("only", only);
  const text = params.toString();
  return text && `?${text}`;
}
