import type { InstalledPackage, Patch } from "../../../protocol/api.ts";
import { catalogue, type CataloguePackage, type Update } from "./catalogue.ts";
import { fraction } from "./random.ts";
import type { Traits } from "./traits.ts";

/** A package with an update that this host has not installed. */
export interface PendingUpdate {
  package: CataloguePackage;
  update: Update;
  state: "installable" | "held" | "phased";
}

/** What the host has not installed yet, in the order of the catalogue. `applied`: what jobs have installed since. */
export function pendingUpdates(traits: Traits, applied: ReadonlySet<string>): PendingUpdate[] {
  const { seed, index, lag } = traits;
  return catalogue(traits.distribution, traits.role).flatMap((one) =>
    one.update && !applied.has(one.name) && fraction(seed, index, one.name, "lag") < lag
      ? [{ package: one, update: one.update, state: stateOf(traits, one) }]
      : []
  );
}

function stateOf(traits: Traits, one: CataloguePackage): PendingUpdate["state"] {
  const chance = fraction(traits.seed, traits.index, one.name, "state");
  if (traits.trouble === "held" && chance < 0.25) return "held";
  if (traits.trouble === "phased" && traits.distribution.os_id === "ubuntu" && !one.update?.security && chance < 0.5) {
    return "phased";
  }
  return "installable";
}

/** Everything installed, as `GET /packages` lists it. */
export function installedPackages(traits: Traits, applied: ReadonlySet<string>): InstalledPackage[] {
  const pending = new Map(pendingUpdates(traits, applied).map((one) => [one.package.name, one]));
  return catalogue(traits.distribution, traits.role).map((one) => {
    const waiting = pending.get(one.name);
    const version = waiting ? one.version : one.update?.version ?? one.version;
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
export function pendingPatches(traits: Traits, applied: ReadonlySet<string>): Patch[] {
  return pendingUpdates(traits, applied).map(({ package: one, update, state }) => ({
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
