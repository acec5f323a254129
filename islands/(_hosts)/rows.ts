import type { HostRows } from "../../core/views/host_rows.ts";
import type { healthStates } from "../../core/hosts/types.ts";
import type { compliances } from "../../core/views/list_hosts.ts";
import { systemName } from "../../components/system_name.ts";

export type Health = typeof healthStates[number];
export type Compliance = typeof compliances[number];

/** A host of the list. Times are seconds since 1970. */
export interface HostLine {
  id: string;
  name: string;
  os: string;
  /** "Debian 12"; empty when it never said. */
  system: string;
  os_name: string;
  health: Health;
  since: number;
  silent: number | null;
  /** Why what it sent was refused, else why it is not healthy. */
  reason: string | null;
  seen: number | null;
  index_at: number | null;
  index_error: string | null;
  simulated: boolean;
  refused: boolean;
  reboot: boolean;
  reported: boolean;
  compliance: Compliance;
  pending: number;
  security: number;
  installable: number;
  /** Ids of groups. */
  groups: string[];
  job: { id: string; state: string } | null;
  /** The name as it is sorted. */
  key: string;
  /** All that a search looks at, in small letters. */
  words: string;
}

const HEALTH: Record<string, Health> = { h: "healthy", d: "degraded", u: "unreachable", p: "pending" };
const COMPLIANCE: Record<string, Compliance> = { c: "compliant", n: "not_compliant", s: "stale", u: "unknown" };

/** The rows of a packed list, by name. */
export function unpackRows({ at, systems, groups, texts, rows }: HostRows): HostLine[] {
  if (rows === "") return [];
  const names = systems.map(([, name, version]) => systemName(name, version));
  const ago = (seconds: string) => seconds === "" ? null : at - Number(seconds);
  const text = (place: string) => place === "" ? null : texts[Number(place)];
  const lines = rows.split("\n").map((line): HostLine => {
    const part = line.split("|");
    const [system, reason, index_error, of_groups, of_tags, id, fqdn, address, health, since, silent, seen] = part;
    const name = part.length === 20 ? part[19] : part.slice(19).join("|");
    const [os, os_name] = systems[Number(system)];
    const flags = Number(part[13]);
    const tags = of_tags === "" ? [] : of_tags.split(",").map((place) => texts[Number(place)]);
    const job = part[18] === "" ? null : part[18].split(" ");
    return {
      id: dashed(id),
      name,
      os,
      os_name,
      system: names[Number(system)],
      health: HEALTH[health],
      since: ago(since) ?? at,
      silent: ago(silent),
      reason: text(reason),
      seen: ago(seen),
      index_at: ago(part[12]),
      index_error: text(index_error),
      simulated: (flags & 1) !== 0,
      refused: (flags & 2) !== 0,
      reboot: (flags & 4) !== 0,
      reported: (flags & 8) !== 0,
      compliance: COMPLIANCE[part[14]],
      pending: Number(part[15]),
      security: Number(part[16]),
      installable: Number(part[17]),
      groups: of_groups === "" ? [] : of_groups.split(",").map((place) => groups[Number(place)][0]),
      job: job ? { id: dashed(job[0]), state: job[1] } : null,
      key: name.toLowerCase(),
      words: [name, fqdn, address, os_name, ...tags].join("\n").toLowerCase(),
    };
  });
  return lines.sort(byName);
}

export function byName(a: HostLine, b: HostLine): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.id < b.id ? -1 : 1;
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Puts newly read rows in the place of what was asked for; what did not come back has gone. Rows stay by name. */
export function mergeRows(rows: HostLine[], asked: ReadonlySet<string>, read: HostLine[]): HostLine[] {
  return [...rows.filter(({ id }) => !asked.has(id)), ...read].sort(byName);
}
