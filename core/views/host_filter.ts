import { z } from "zod";
import type { Db } from "../database/types.ts";
import { healthStates } from "../hosts/types.ts";
import { listSelections, selectionCondition } from "./host_selection.ts";
import { caseless, containing } from "./page.ts";
import type { Fragment } from "./scope.ts";

export const hostStatuses = ["pending", "security", "compliant", "not_compliant", "stale", "reboot"] as const;
/** What a person looks for: updates, security updates, compliance, old data, a reboot that is due. */
export type HostStatus = typeof hostStatuses[number];

/** Which hosts. All parts must hold; every part is optional. */
export const HostFilter = z.object({
  /** Part of name, address, tag or operating system. */
  search: z.string().trim().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL").optional(),
  health: z.enum(healthStates).optional(),
  /** Id of the operating system, as in os-release: debian. `unknown` for hosts that never said. */
  os: z.string().max(128).refine((text) => !text.includes("\u0000"), "must not hold NUL").optional(),
  status: z.enum(hostStatuses).optional(),
  /** Id of a group; `none` for hosts in no group. */
  group: z.union([z.uuid(), z.literal("none")], "must be the id of a group, or none").optional(),
  /** Hosts behind a figure of the dashboard or of the groups. */
  only: z.enum(listSelections).optional(),
});
export type HostFilter = z.infer<typeof HostFilter>;

/** Hosts that the viewer may see, with what filters and orders ask for. Alias them: h, c (counters), d (report), x. */
export function hostSource(db: Db, viewer: string): Fragment {
  return db`
    visible_host_rows(${viewer}) h
    join host_counters c on c.host_id = h.id
    join host_patch_data d on d.host_id = h.id
    left join host_health_data s on s.host_id = h.id
    cross join lateral (
      select host_compliance(
          d.received_at, d.index_refreshed_at, d.state, c.security, c.security_unknown, h.reboot_required,
          (select oldest_report()), (select oldest_index())
        ) as compliance,
        greatest(d.received_at, s.received_at) as last_seen,
        coalesce(nullif(h.display_name, ''), h.fqdn) as name
    ) x`;
}

/** One condition for each part, so that facets can leave their own part out. */
export function hostConditions(
  db: Db,
  filter: HostFilter,
): Record<"search" | "health" | "os" | "status" | "group" | "only", Fragment> {
  const yes = db`true`;
  const { search, health, os, status, group, only } = filter;
  const pattern = search ? containing(search) : "";
  // One text, as in the browser's list: capitals are made small once for each host.
  const searched = db`
    concat_ws(E'\\n', h.fqdn, h.display_name, host(h.address), h.os_name, array_to_string(h.tags, E'\\n'))`;
  return {
    search: search ? db`${caseless(db, searched)} ilike ${pattern}` : yes,
    health: health ? db`h.health = ${health}` : yes,
    os: os ? db`coalesce(h.os_id, 'unknown') = ${os}` : yes,
    status: status ? statusCondition(db, status) : yes,
    group: group === undefined
      ? yes
      : group === "none"
      ? db`not exists (select from host_groups hg where hg.host_id = h.id)`
      : db`exists (select from host_groups hg where hg.host_id = h.id and hg.group_id = ${group})`,
    only: only ? selectionCondition(db, only) : yes,
  };
}

/** The same words decide filter and facet. */
export function statusCondition(db: Db, status: HostStatus): Fragment {
  switch (status) {
    case "pending":
      return db`c.pending > 0`;
    case "security":
      return db`c.security > 0`;
    case "reboot":
      return db`h.reboot_required`;
    case "stale":
      return db`x.compliance in ('stale', 'unknown')`;
    default:
      return db`x.compliance = ${status}`;
  }
}

/** All parts at once. */
export function hostCondition(db: Db, filter: HostFilter): Fragment {
  const { search, health, os, status, group, only } = hostConditions(db, filter);
  return db`${search} and ${health} and ${os} and ${status} and ${group} and ${only}`;
}
