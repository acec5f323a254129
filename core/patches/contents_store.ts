import { z } from "zod";
import { many, one } from "../database/rows.ts";
import type { Db } from "../database/types.ts";
import type { Allowance } from "./allowance.ts";
import type { NormalOffer, NormalPackage, NormalPatch, PatchCounts } from "./types.ts";

/** Says that a report is being written, or that somebody removes what no report refers to. */
const CONTENTS_LOCK = 7204510336003;

/**
 * Until the transaction ends: reports are written beside each other (`shared`), removal waits for them and they for it
 * (`alone`, for two seconds at most; then the statement fails with lock_not_available).
 */
export async function lockContents(db: Db, how: "shared" | "alone"): Promise<void> {
  if (how === "shared") return void await db`select pg_advisory_xact_lock_shared(${CONTENTS_LOCK})`;
  await db`select set_config('lock_timeout', '2s', true)`;
  await db`select pg_advisory_xact_lock(${CONTENTS_LOCK})`;
}

/** Offers that are on no host, a day after they were first seen at the earliest. Returns how many went. */
export async function deleteOrphanedOffers(db: Db, limit: number): Promise<number> {
  const rows = await db`
    delete from update_offers where id in (
      select o.id from update_offers o
      where o.first_seen_at < app_now() - interval '1 day'
        and not exists (select from host_patches hp where hp.offer_id = o.id)
      limit ${limit}
    ) returning id`;
  return rows.length;
}

/** Packages that are on no host and that nobody offers. Returns how many went. */
export async function deleteOrphanedPackages(db: Db, limit: number): Promise<number> {
  const rows = await db`
    delete from packages where id in (
      select p.id from packages p
      where not exists (select from host_packages hp where hp.package_id = p.id)
        and not exists (select from host_patches hp where hp.package_id = p.id)
        and not exists (select from update_offers o where o.package_id = p.id)
      limit ${limit}
    ) returning id`;
  return rows.length;
}

const PackageRow = z.object({ id: z.number(), name: z.string(), arch: z.string() });

/**
 * Identifiers of packages by name and architecture; those that no host had before are added as far as the host may.
 * Takes the keys in any
 * order and inserts them sorted: reports with the same new packages wait for each other in one direction only.
 */
export async function packageIds(
  db: Db,
  keys: { name: string; arch: string }[],
  allowance: Pick<Allowance, "spend">,
): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  await readIds(db, keys, ids);
  const missing = [...new Map(keys.map((key) => [packageKey(key), key])).entries()]
    .filter(([key]) => !ids.has(key)).sort(([a], [b]) => a < b ? -1 : 1).map(([, key]) => key);
  if (missing.length === 0) return ids;
  allowance.spend(missing.length);
  await db`
    insert into packages (name, arch)
    select name, arch from unnest(${missing.map((key) => key.name)}::text[], ${missing.map((key) => key.arch)}::text[])
      with ordinality as new (name, arch, position)
    order by position
    on conflict (name, arch) do nothing`;
  await readIds(db, missing, ids);
  return ids;
}

async function readIds(db: Db, keys: { name: string; arch: string }[], ids: Map<string, number>): Promise<void> {
  const rows = await many(
    PackageRow,
    db`
      select p.id, p.name, p.arch
      from unnest(${keys.map((key) => key.name)}::text[], ${keys.map((key) => key.arch)}::text[]) as wanted (name, arch)
      join packages p on p.name = wanted.name and p.arch = wanted.arch`,
  );
  for (const row of rows) ids.set(packageKey(row), row.id);
}

/** Neither a name nor an architecture holds this character. */
export function packageKey(key: { name: string; arch: string }): string {
  return `${key.name}\u0001${key.arch}`;
}

/** Identifiers of offers by their hash; new ones are added in the same way, sorted by hash as packages are by name. */
export async function offerIds(
  db: Db,
  patches: NormalPatch[],
  packages: Map<string, number>,
  firstSeen: Temporal.Instant,
  allowance: Pick<Allowance, "spend">,
): Promise<Map<string, number>> {
  const offers = new Map<string, NormalOffer>(patches.map((patch) => [patch.offer_hash, patch.offer]));
  const ids = new Map<string, number>();
  await readOffers(db, [...offers.keys()], ids);
  const missing = [...offers.entries()].filter(([hash]) => !ids.has(hash)).sort(([a], [b]) => a < b ? -1 : 1);
  if (missing.length === 0) return ids;
  allowance.spend(missing.length);
  const rows = missing.map(([hash, offer]) => ({
    ...offer,
    hash,
    package_id: packages.get(packageKey(offer)) ?? null,
  }));
  for (const slice of slices(rows)) {
    await db`
      insert into update_offers
        (hash, package_id, version, repositories, security, security_version, severity, severity_source, cve_ids,
         cve_source, advisory_ids, size_bytes, installed_size_delta_bytes, source_package, description, requires_reboot,
         security_known, first_seen_at)
      select decode(hash, 'hex'), package_id, version, repositories, security, security_version, severity,
        severity_source, cve_ids, cve_source, advisory_ids, size_bytes, installed_size_delta_bytes, source_package,
        description, requires_reboot, security_known, ${firstSeen}
      from jsonb_to_recordset(${db.json(slice as never)}) as new (
        hash text, package_id int8, version text, repositories text[], security boolean, security_version text,
        severity text, severity_source text, cve_ids text[], cve_source text, advisory_ids text[], size_bytes int8,
        installed_size_delta_bytes int8, source_package text, description text, requires_reboot boolean,
        security_known boolean)
      order by hash
      on conflict (hash) do nothing`;
  }
  await readOffers(db, missing.map(([hash]) => hash), ids);
  return ids;
}

/** Rows that go to the database in one statement: the text of all that a host may send would weigh 16 MiB, twice. */
const ROWS_AT_ONCE = 500;

function* slices<Row>(rows: Row[]): Generator<Row[]> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) yield rows.slice(at, at + ROWS_AT_ONCE);
}

async function readOffers(db: Db, hashes: string[], ids: Map<string, number>): Promise<void> {
  const rows = await many(
    z.object({ id: z.number(), hash: z.string() }),
    db`
      select id, encode(hash, 'hex') as hash from update_offers
      where hash in (select decode(wanted, 'hex') from unnest(${hashes}::text[]) wanted)`,
  );
  for (const row of rows) ids.set(row.hash, row.id);
}

/** Brings a host's installed packages to the given list; rows that are the same are not touched. */
export async function replacePackages(
  db: Db,
  hostId: string,
  packages: NormalPackage[],
  ids: Map<string, number>,
): Promise<void> {
  const packageIdList = packages.map((item) => ids.get(packageKey(item)) ?? null);
  await db`delete from host_packages where host_id = ${hostId} and package_id <> all(${packageIdList}::int8[])`;
  await db`
    insert into host_packages (host_id, package_id, version, held, size_bytes, source_package, installed_at)
    select ${hostId}::uuid, new.*
    from unnest(
      ${packageIdList}::int8[], ${packages.map((item) => item.version)}::text[],
      ${db.array(packages.map((item) => item.held), 16)}::bool[], ${packages.map((item) => item.size_bytes)}::int8[],
      ${packages.map((item) => item.source_package)}::text[], ${
    packages.map((item) => item.installed_at)
  }::timestamptz[]
    ) as new (package_id, version, held, size_bytes, source_package, installed_at)
    where not exists (
      select from host_packages old
      where old.host_id = ${hostId}::uuid and old.package_id = new.package_id
        and (old.version, old.held, old.size_bytes, old.source_package, old.installed_at)
          is not distinct from (new.version, new.held, new.size_bytes, new.source_package, new.installed_at)
    )
    on conflict (host_id, package_id) do update set
      version = excluded.version, held = excluded.held, size_bytes = excluded.size_bytes,
      source_package = excluded.source_package, installed_at = excluded.installed_at`;
}

/**
 * Brings a host's pending updates to the given list; rows that are the same are not touched. `first_seen_at` is kept
 * while the same version stays pending, whatever else becomes known of it.
 */
export async function replacePatches(
  db: Db,
  hostId: string,
  patches: NormalPatch[],
  packages: Map<string, number>,
  offers: Map<string, number>,
  seen: Temporal.Instant,
): Promise<void> {
  const rows = patches.map((patch) => ({
    package_id: packages.get(packageKey(patch.offer)) ?? null,
    offer_id: offers.get(patch.offer_hash) ?? null,
    current_version: patch.current_version,
    state: patch.state,
    state_reason: patch.state_reason,
    phased_percent: patch.phased_percent,
    new_dependencies: patch.new_dependencies,
    removes: patch.removes,
    reboot_reason: patch.reboot_reason,
  }));
  const kept = rows.map((row) => row.package_id);
  await db`delete from host_patches where host_id = ${hostId} and package_id <> all(${kept}::int8[])`;
  for (const slice of slices(rows)) {
    await db`
      insert into host_patches as present
        (host_id, package_id, offer_id, current_version, state, state_reason, phased_percent, new_dependencies,
         removes, reboot_reason, first_seen_at)
      select ${hostId}::uuid, new.*, ${seen}::timestamptz
      from jsonb_to_recordset(${db.json(slice as never)}) as new (
        package_id int8, offer_id int8, current_version text, state text, state_reason text, phased_percent int,
        new_dependencies text[], removes text[], reboot_reason text)
      where not exists (
        select from host_patches old
        where old.host_id = ${hostId}::uuid and old.package_id = new.package_id
          and (old.offer_id, old.current_version, old.state, old.state_reason, old.phased_percent, old.new_dependencies,
              old.removes, old.reboot_reason)
            is not distinct from
            (new.offer_id, new.current_version, new.state, new.state_reason, new.phased_percent, new.new_dependencies,
             new.removes, new.reboot_reason)
      )
      on conflict (host_id, package_id) do update set
        offer_id = excluded.offer_id, current_version = excluded.current_version, state = excluded.state,
        state_reason = excluded.state_reason, phased_percent = excluded.phased_percent,
        new_dependencies = excluded.new_dependencies,
        removes = excluded.removes, reboot_reason = excluded.reboot_reason,
        first_seen_at = case
          when (select version from update_offers where id = present.offer_id)
            = (select version from update_offers where id = excluded.offer_id)
          then present.first_seen_at else excluded.first_seen_at end`;
  }
}

const OldestRow = z.object({
  security: z.instanceof(Temporal.Instant).nullable(),
  critical: z.instanceof(Temporal.Instant).nullable(),
});

/**
 * Since when the oldest pending update is known on this host that is a security one, and the oldest that somebody
 * named critical who did not guess.
 */
export function oldestPending(db: Db, hostId: string): Promise<z.infer<typeof OldestRow>> {
  return one(
    OldestRow,
    db`
      select min(hp.first_seen_at) filter (where o.security) as security,
        min(hp.first_seen_at) filter (
          where o.severity = 'critical' and o.severity_source not in ('unverified', 'none')
        ) as critical
      from host_patches hp join update_offers o on o.id = hp.offer_id
      where hp.host_id = ${hostId}`,
  );
}

/** Writes a host's numbers where they differ. */
export async function updateCounters(
  db: Db,
  hostId: string,
  counts: PatchCounts,
  oldest: { security: Temporal.Instant | null; critical: Temporal.Instant | null },
): Promise<void> {
  const c = counts;
  await db`
    update host_counters set
      pending = ${c.pending}, installable = ${c.installable}, security = ${c.security}, critical = ${c.critical},
      high = ${c.high}, medium = ${c.medium}, low = ${c.low}, unknown = ${c.unknown}, held = ${c.held},
      phased = ${c.phased}, kept_back = ${c.kept_back}, excluded = ${c.excluded}, blocked = ${c.blocked},
      pinned = ${c.pinned}, security_unknown = ${c.security_unknown}, cves = ${c.cves},
      oldest_security_at = ${oldest.security}, oldest_critical_at = ${oldest.critical}
    where host_id = ${hostId}
      and (pending, installable, security, critical, high, medium, low, unknown, held, phased, kept_back, excluded,
           blocked, pinned, security_unknown, cves, oldest_security_at, oldest_critical_at)
        is distinct from
        (${c.pending}::int, ${c.installable}::int, ${c.security}::int, ${c.critical}::int, ${c.high}::int,
         ${c.medium}::int, ${c.low}::int, ${c.unknown}::int, ${c.held}::int, ${c.phased}::int, ${c.kept_back}::int,
         ${c.excluded}::int, ${c.blocked}::int, ${c.pinned}::int, ${c.security_unknown}::int, ${c.cves}::int,
         ${oldest.security}::timestamptz, ${oldest.critical}::timestamptz)`;
}

export async function updateInstalled(db: Db, hostId: string, installed: number): Promise<void> {
  await db`update host_counters set installed = ${installed} where host_id = ${hostId} and installed <> ${installed}`;
}
