import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import { checked, containing, makePage, type Page, readCursor, readLimit } from "./page.ts";
import { mustSee } from "./scope.ts";

export const HostPackageQuery = z.object({
  /** Part of a package's or source package's name. */
  search: z.string().trim().max(200).refine((text) => !text.includes("\u0000"), "must not hold NUL").optional(),
  /** Only those with an update pending, or only those without. */
  upgradable: z.boolean().optional(),
  cursor: z.string().max(8000).nullish(),
  limit: z.int().optional(),
});
export type HostPackageQuery = z.input<typeof HostPackageQuery>;

/** One installed package. */
export const HostPackageRow = z.object({
  name: z.string(),
  arch: z.string(),
  version: z.string(),
  held: z.boolean(),
  size_bytes: z.number().nullable(),
  source_package: z.string().nullable(),
  installed_at: z.instanceof(Temporal.Instant).nullable(),
  /** Version that is pending; null when none is. */
  available_version: z.string().nullable(),
});
export type HostPackageRow = z.infer<typeof HostPackageRow>;

/**
 * Installed packages of a host by name, in pages of up to 1,000.
 * @throws AppError host_not_found (also out of scope), validation_failed, bad_request
 */
export async function hostPackages(
  db: Db,
  viewer: string,
  hostId: string,
  query: HostPackageQuery = {},
): Promise<Page<HostPackageRow>> {
  const { search, upgradable, cursor, limit: wanted } = checked(HostPackageQuery, query);
  const limit = readLimit(wanted, 100, 1000);
  const after = readCursor(cursor, "packages name");
  await mustSee(db, viewer, hostId);
  const pattern = containing(search ?? "");
  const source = db`
    host_packages i join packages p on p.id = i.package_id
    left join host_patches hp on hp.host_id = i.host_id and hp.package_id = i.package_id
    left join update_offers o on o.id = hp.offer_id`;
  const condition = db`
    i.host_id = ${hostId}
    and ${search ? db`(p.name ilike ${pattern} or i.source_package ilike ${pattern})` : db`true`}
    and ${upgradable === undefined ? db`true` : db`(o.id is not null) = ${upgradable}`}`;
  const key = db`p.name collate "C"`;
  const id = db`p.arch collate "C"`;
  const rows = await many(
    HostPackageRow.extend({ key: z.string(), id: z.string() }),
    db`
      select p.name, p.arch, i.version, i.held, i.size_bytes, i.source_package, i.installed_at,
        o.version as available_version, ${key} as key, ${id} as id
      from ${source}
      where ${condition} and ${after ? db`(${key}, ${id}) > (${after.key}, ${after.id})` : db`true`}
      order by ${key}, ${id}
      limit ${limit + 1}`,
  );
  const { total } = await one(
    z.object({ total: z.number() }),
    db`select count(*)::int as total from ${source} where ${condition}`,
  );
  return makePage(rows, limit, "packages name", total, ({ key: _key, id: _id, ...row }) => row);
}
