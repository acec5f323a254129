import { z } from "zod";
import { patchStates, severities } from "../../protocol/api.ts";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { checked, containing, makePage, type Page, readCursor, readLimit } from "./page.ts";
import { type Fragment, mustSee } from "./scope.ts";

export const patchSorts = ["importance", "name", "size", "first_seen"] as const;

export const HostPatchQuery = z.object({
  /** Part of a package's name or a CVE id. */
  search: z.string().trim().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL").optional(),
  security: z.boolean().optional(),
  state: z.enum(patchStates).optional(),
  /** importance: security first, then by severity, then by name. size: largest first. first_seen: oldest first. */
  sort: z.enum(patchSorts).default("importance"),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type HostPatchQuery = z.input<typeof HostPatchQuery>;

const instant = z.instanceof(Temporal.Instant);

/** One pending update of one host. */
export const HostPatchRow = z.object({
  package_id: z.number(),
  name: z.string(),
  arch: z.string(),
  /** Null when the agent cannot say. */
  current_version: z.string().nullable(),
  available_version: z.string(),
  repositories: z.array(z.string()),
  security: z.boolean(),
  /** False where the agent does not say whether it is. */
  security_known: z.boolean(),
  security_version: z.string().nullable(),
  severity: z.enum(severities),
  /** `vendor-advisory`, `none`, or `unverified`: guessed from the name by a public agent, to be shown as such. */
  severity_source: z.string(),
  cve_ids: z.array(z.string()),
  cve_source: z.string(),
  advisory_ids: z.array(z.string()),
  size_bytes: z.number().nullable(),
  installed_size_delta_bytes: z.number().nullable(),
  source_package: z.string().nullable(),
  description: z.string().nullable(),
  requires_reboot: z.boolean(),
  /** `installable` is the only one that the next apply installs. */
  state: z.enum(patchStates),
  state_reason: z.string().nullable(),
  phased_percent: z.number().nullable(),
  new_dependencies: z.array(z.string()),
  /** What it would remove; then it is never installed. */
  removes: z.array(z.string()),
  reboot_reason: z.string().nullable(),
  first_seen_at: instant,
});
export type HostPatchRow = z.infer<typeof HostPatchRow>;

/** Severity as a digit, worst first; a guess counts as unknown. */
export function severityRank(db: Db): Fragment {
  return db`
    case when o.severity_source in ('unverified', 'none') then 5
      else array_position(array['critical', 'high', 'medium', 'low', 'unknown'], o.severity) end`;
}

function sortKey(db: Db, sort: typeof patchSorts[number]): Fragment {
  switch (sort) {
    case "importance":
      return db`concat(case when o.security then '0' else '1' end, ${severityRank(db)}, p.name)`;
    case "size":
      return db`lpad((9007199254740991 - coalesce(o.size_bytes, 0))::text, 16, '0')`;
    case "first_seen":
      return db`to_char(hp.first_seen_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')`;
    default:
      return db`p.name`;
  }
}

/**
 * Pending updates of a host in pages of up to 1,000.
 * @throws AppError host_not_found (also out of scope), validation_failed, bad_request
 */
export async function hostPatches(
  db: Db,
  viewer: string,
  hostId: string,
  query: HostPatchQuery = {},
): Promise<Page<HostPatchRow>> {
  const { search, security, state, sort, cursor, limit: wanted } = checked(HostPatchQuery, query);
  const limit = readLimit(wanted, 200, 1000);
  const after = readCursor(cursor, `patches ${sort}`);
  await mustSee(db, viewer, hostId);
  const pattern = containing(search ?? "");
  const condition = db`
    hp.host_id = ${hostId}
    and ${search ? db`(p.name ilike ${pattern} or o.cve_ids::text ilike ${pattern})` : db`true`}
    and ${security === undefined ? db`true` : db`o.security = ${security}`}
    and ${state ? db`hp.state = ${state}` : db`true`}`;
  const source = db`host_patches hp join packages p on p.id = hp.package_id join update_offers o on o.id = hp.offer_id`;
  const key = db`(${sortKey(db, sort)}) collate "C"`;
  // The identity with leading zeros, so that text order is its order.
  const id = db`lpad(p.id::text, 20, '0') collate "C"`;
  const rows = await many(
    HostPatchRow.extend({ key: z.string(), id: z.string() }),
    db`
      select p.id as package_id, p.name, p.arch, hp.current_version, o.version as available_version, o.repositories,
        o.security, o.security_known, o.security_version, o.severity, o.severity_source, o.cve_ids, o.cve_source, o.advisory_ids,
        o.size_bytes, o.installed_size_delta_bytes, o.source_package, o.description, o.requires_reboot, hp.state,
        hp.state_reason, hp.phased_percent, hp.new_dependencies, hp.removes, hp.reboot_reason, hp.first_seen_at, ${key} as key, ${id} as id
      from ${source}
      where ${condition} and ${after ? db`(${key}, ${id}) > (${after.key}, ${after.id})` : db`true`}
      order by ${key}, ${id}
      limit ${limit + 1}`,
  );
  const { total } = await one(
    z.object({ total: z.number() }),
    db`select count(*)::int as total from ${source} where ${condition}`,
  );
  return makePage(rows, limit, `patches ${sort}`, total, ({ key: _key, id: _id, ...row }) => row);
}
