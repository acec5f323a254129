import type { InstalledPackage, Patch } from "../../../protocol/api.ts";
import { catalogue, type CataloguePackage, type Update } from "./catalogue.ts";
import { fraction } from "./random.ts";
import { nothing_released, type Released } from "./releases.ts";
import type { Traits } from "./traits.ts";

/** A package with an update that this host has not installed. Its version is the one that the host has. */
export interface PendingUpdate {
  package: CataloguePackage;
  update: Update;
  state: "installable" | "held" | "phased";
}

/**
 * What jobs have installed: names of packages whose first update they did, and `name@version` for each release that
 * came out later.
 */
export type Applied = ReadonlySet<string>;

/** How {@link Applied} remembers a release. */
export function releaseMark(name: string, version: string): string {
  return `${name}@${version}`;
}

/**
 * What the host has not installed yet, in the order of the catalogue.
 * @param released what the distribution published since the fleet began
 */
export function pendingUpdates(traits: Traits, applied: Applied, released = nothing_released): PendingUpdate[] {
  return catalogue(traits.distribution, traits.role).flatMap((one) => {
    const standing = standingOf(traits, one, applied, released);
    if (!standing.update) return [];
    const shown = standing.version === one.version ? one : { ...one, version: standing.version };
    return [{ package: shown, update: standing.update, state: stateOf(traits, one, standing.update) }];
  });
}

/** What a host has of a package, and the update that waits for it. */
function standingOf(
  { seed, index, lag }: Traits,
  one: CataloguePackage,
  applied: Applied,
  released: Released,
): { version: string; update: Update | null } {
  const later = released.get(one.name) ?? [];
  const done = later.findLastIndex(({ version }) => applied.has(releaseMark(one.name, version)));
  if (done >= 0) return { version: later[done].version, update: joined(later.slice(done + 1)) };
  const behind = one.update !== null && !applied.has(one.name) && fraction(seed, index, one.name, "lag") < lag;
  if (behind) return { version: one.version, update: joined([one.update!, ...later]) };
  return { version: one.update?.version ?? one.version, update: joined(later) };
}

/** The last of several updates in a row: what one of them closes, the last closes too. */
function joined(updates: readonly Update[]): Update | null {
  const last = updates.at(-1);
  if (!last || updates.length === 1) return last ?? null;
  const security = updates.findLast((one) => one.security);
  return {
    ...last,
    ...(security ? { security: true, severity: highest(updates), repository: security.repository } : {}),
    cve_ids: [...new Set(updates.flatMap((one) => one.cve_ids))].sort(),
    advisory_ids: [...new Set(updates.flatMap((one) => one.advisory_ids))],
  };
}

function highest(updates: readonly Update[]): Update["severity"] {
  const order = ["critical", "high", "medium", "low"] as const;
  return order.find((severity) => updates.some((one) => one.severity === severity)) ?? "unknown";
}

function stateOf(traits: Traits, one: CataloguePackage, update: Update): PendingUpdate["state"] {
  const chance = fraction(traits.seed, traits.index, one.name, "state");
  if (traits.trouble === "held" && chance < 0.25) return "held";
  if (traits.trouble === "phased" && traits.distribution.os_id === "ubuntu" && !update.security && chance < 0.5) {
    return "phased";
  }
  return "installable";
}

/** Everything installed, as `GET /packages` lists it. */
export function installedPackages(
  traits: Traits,
  applied: Applied,
  released = nothing_released,
): InstalledPackage[] {
  const pending = new Map(pendingUpdates(traits, applied, released).map((one) => [one.package.name, one]));
  return catalogue(traits.distribution, traits.role).map((one) => {
    const waiting = pending.get(one.name);
    const version = waiting?.package.version ?? standingOf(traits, one, applied, released).version;
    return {
      name: one.name,
      version,
      status: "installed",
      upgradable: waiting?.state === "installable",
      latest_version: waiting?.update.version ?? version,
      description: one.description,
      cve_ids: waiting?.update.cve_ids ?? [],
      arch: traits.distribution.arch,
      size_bytes: one.size_bytes,
      source_package: one.source_package,
      install_date: null,
      held: waiting?.state === "held",
    };
  });
}

/** Everything pending, as `GET /patches` lists it. */
export function pendingPatches(traits: Traits, applied: Applied, released = nothing_released): Patch[] {
  return pendingUpdates(traits, applied, released).map(({ package: one, update, state }) => ({
    name: one.name,
    arch: traits.distribution.arch,
    current_version: one.version,
    available_version: update.version,
    repository: [update.repository],
    security: update.security,
    security_version: update.security ? update.version : null,
    severity: update.severity,
    severity_source: update.severity === "unknown" ? "none" : "vendor-advisory",
    cve_ids: update.cve_ids,
    cve_source: update.cve_ids.length === 0 ? "none" : traits.distribution.advisories ? "updateinfo" : "changelog",
    advisory_ids: update.advisory_ids,
    size_bytes: update.size_bytes,
    installed_size_delta_bytes: 0,
    source_package: one.source_package,
    description: one.description,
    requires_reboot: update.requires_reboot,
    held: state === "held",
    phased_percent: state === "phased" ? 30 : null,
    installable: state === "installable",
    state,
    state_reason: stateReason(state),
    new_dependencies: [],
  }));
}

function stateReason(state: PendingUpdate["state"]): string | null {
  if (state === "held") return "An administrator holds this package on the host.";
  if (state === "phased") {
    return "The distribution is rolling this update out; 30 % of all hosts get it now, not this one.";
  }
  return null;
}
