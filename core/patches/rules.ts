import { createHash } from "node:crypto";
import type { InstalledPackage, Patch, PatchState, Severity } from "../../protocol/api.ts";
import { PackageVersion } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import { plainWords as words } from "../hosts/rules.ts";
import type { NormalOffer, NormalPackage, NormalPatch, PatchCounts } from "./types.ts";

/** What a host sent cannot be taken. `message` says why, in words that are shown with the host. */
export class RefusedReport extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "RefusedReport";
  }
}

/** Names of architectures that public apt agents put where the available version belongs. */
const ARCHITECTURES = new Set(["amd64", "arm64", "armhf", "i386", "all", "ppc64el", "s390x", "riscv64"]);

/**
 * An installed package in the stored form: sorted by name and architecture (every report writes in one order, so that
 * two never wait for each other crosswise), each once. Where a package is installed in several versions (kernels on
 * dnf), the one installed last stands for it.
 */
export function normalisePackages(packages: InstalledPackage[]): NormalPackage[] {
  const byKey = new Map<string, NormalPackage>();
  for (const item of packages) {
    const normal: NormalPackage = {
      name: item.name,
      arch: plain(item.arch) ?? "",
      version: installedVersion(item.version),
      held: item.held ?? false,
      size_bytes: whole(item.size_bytes),
      source_package: plain(item.source_package),
      installed_at: instantText(item.install_date),
    };
    const key = `${normal.name}\u0001${normal.arch}`;
    const before = byKey.get(key);
    if (!before || (before.installed_at ?? "") <= (normal.installed_at ?? "")) byKey.set(key, normal);
  }
  return sorted([...byKey.values()], (item) => item);
}

/** No version holds a space; public apk agents leave the rest of the line behind it. */
export function installedVersion(version: string): string {
  return (plain(version) ?? "").split(" ")[0];
}

/**
 * Pending updates in the stored form, sorted and each once.
 * @throws RefusedReport when a version is none: it would become part of a command on the host
 */
export function normalisePatches(patches: Patch[]): NormalPatch[] {
  const byKey = new Map<string, Omit<NormalPatch, "offer_hash">>();
  for (const patch of patches) {
    const normal = normalisePatch(patch);
    const key = `${normal.offer.name}\u0001${normal.offer.arch}`;
    if (!byKey.has(key)) byKey.set(key, normal);
  }
  const list = sorted([...byKey.values()], (item) => item.offer);
  return list.map((item) => ({ ...item, offer_hash: hashOf([JSON.stringify(item.offer)]).toHex() }));
}

function normalisePatch(patch: Patch): Omit<NormalPatch, "offer_hash"> {
  // Public apt agents: the new version stands under current_version, an architecture under available_version.
  const shifted = ARCHITECTURES.has(patch.available_version) && patch.current_version !== "";
  const version = shifted ? patch.current_version : patch.available_version;
  if (!PackageVersion.safeParse(version).success) {
    throw new RefusedReport(`The available version of ${patch.name} is not a version.`);
  }
  const severity_source = plain(patch.severity_source) ?? (patch.severity === "unknown" ? "none" : "unverified");
  const cve_ids = unique((patch.cve_ids ?? []).map((id) => id.toUpperCase()).filter((id) => CVE.test(id)));
  return {
    offer: {
      name: patch.name,
      arch: plain(patch.arch) ?? (shifted ? patch.available_version : ""),
      version,
      repositories: unique([patch.repository ?? []].flat().map(words).filter((name) => name !== "")),
      security: patch.security ?? false,
      security_known: patch.security !== undefined,
      security_version: plain(patch.security_version),
      severity: patch.severity,
      severity_source,
      cve_ids,
      cve_source: plain(patch.cve_source) ?? "none",
      advisory_ids: unique((patch.advisory_ids ?? []).map(words).filter((id) => id !== "")),
      size_bytes: whole(patch.size_bytes),
      installed_size_delta_bytes: whole(patch.installed_size_delta_bytes),
      source_package: plain(patch.source_package),
      description: plain(patch.description),
      requires_reboot: patch.requires_reboot ?? false,
    },
    // apk leaves it empty.
    current_version: shifted ? null : plain(patch.current_version),
    state: patchState(patch),
    state_reason: plain(patch.state_reason),
    phased_percent: whole(patch.phased_percent),
    new_dependencies: unique((patch.new_dependencies ?? []).map(words).filter((name) => name !== "")),
    removes: unique((patch.removes ?? []).map(words).filter((name) => name !== "")),
    reboot_reason: plain(patch.reboot_reason),
  };
}

const CVE = /^CVE-\d{4}-\d{4,12}$/;

/** The state, where an agent sends only the flags that it follows from. */
function patchState(patch: Patch): PatchState {
  if (patch.state) return patch.state;
  if (patch.held) return "held";
  if (patch.installable !== false) return "installable";
  return (patch.phased_percent ?? 100) < 100 ? "phased" : "kept_back";
}

/** A severity counts only where a vendor said so; a guess from the name counts as unknown. */
export function trustedSeverity(offer: Pick<NormalOffer, "severity" | "severity_source">): Severity {
  return offer.severity_source === "unverified" || offer.severity_source === "none" ? "unknown" : offer.severity;
}

/** The numbers of one host; every pending update counts once as a state and once as a severity. */
export function countPatches(patches: NormalPatch[]): PatchCounts {
  const counts: PatchCounts = {
    pending: patches.length,
    installable: 0,
    security: 0,
    critical: 0,
    high: 0,
    medium: 0,
    low: 0,
    unknown: 0,
    held: 0,
    phased: 0,
    kept_back: 0,
    pinned: 0,
    excluded: 0,
    blocked: 0,
    security_unknown: 0,
    cves: new Set(patches.flatMap((patch) => patch.offer.cve_ids)).size,
  };
  for (const { offer, state } of patches) {
    counts[state]++;
    counts[trustedSeverity(offer)]++;
    if (offer.security) counts.security++;
    if (!offer.security_known) counts.security_unknown++;
  }
  return counts;
}

/**
 * SHA-256 over a list as JSON with keys in the order of the types. Item after item: the text of a whole list, and its
 * bytes, would weigh as much as the host's answer once more.
 */
export function hashList(items: unknown[]): Uint8Array {
  function* parts() {
    yield "[";
    for (const [index, item] of items.entries()) yield `${index === 0 ? "" : ","}${JSON.stringify(item)}`;
    yield "]";
  }
  return hashOf(parts());
}

function hashOf(parts: Iterable<string>): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Two machines' clocks differ a little; what is further ahead than this is not true. Minutes. */
const CLOCK_TOLERANCE_MINUTES = 5;

/**
 * A host's instant, or null where it is none. What lies before 2000 or in the future is unknown, not "now": an index
 * from the year 2099 would be fresh at every poll. Within the tolerance of clocks the future is now.
 */
export function readInstant(text: string | null | undefined, clock: Clock): Temporal.Instant | null {
  const instant = parseInstant(text);
  if (!instant) return null;
  const now = clock.now();
  if (Temporal.Instant.compare(instant, now) <= 0) return instant;
  return isFuture(instant, clock) ? null : now;
}

function isFuture(instant: Temporal.Instant, clock: Clock): boolean {
  return Temporal.Instant.compare(instant, clock.now().add({ minutes: CLOCK_TOLERANCE_MINUTES })) > 0;
}

/** True when a host claims that something happened that cannot have been yet. */
export function claimsFuture(text: string | null | undefined, clock: Clock): boolean {
  const instant = parseInstant(text);
  return instant !== null && isFuture(instant, clock);
}

function parseInstant(text: string | null | undefined): Temporal.Instant | null {
  if (!text || !/^\d{4}-/.test(text)) return null;
  try {
    const instant = Temporal.Instant.from(text);
    return instant.epochMilliseconds < 946_684_800_000 ? null : instant;
  } catch {
    return null;
  }
}

function instantText(text: string | null | undefined): string | null {
  return parseInstant(text)?.toString({ fractionalSecondDigits: 3 }) ?? null;
}

export { words };

/** {@link words}, with null for what is absent or empty. */
export function plain(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : words(text) || null;
}

/** A number of bytes or percent without fraction, within what a number holds exactly. */
function whole(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}

function unique(values: string[]): string[] {
  return [...new Set(values)].sort();
}

function sorted<T>(items: T[], key: (item: T) => { name: string; arch: string }): T[] {
  const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
  return items.sort((a, b) => compare(key(a).name, key(b).name) || compare(key(a).arch, key(b).arch));
}
