import type { InstalledPackage, Patch } from "../../../protocol/api.ts";
import type { SecurityOffer } from "../../executor/cve_types.ts";
import type { Listing } from "../../executor/package_manager.ts";
import { type InstalledRow, isConfigured, isHeld, stateWords } from "./installed.ts";
import { explainKeptBack, type KeptBackReason } from "./kept_back.ts";
import { type Offer, type PinnedOffer, target } from "./offers.ts";
import { withheldSecurity } from "./pins.ts";
import { type PolicyVersion, securityVersion } from "./policy.ts";
import { rebootNeed } from "./reboot_need.ts";
import { newDependenciesOf, type PackageRecord, readRecords } from "./records.ts";
import { downloadSize, freshTarget, type Obstacle, readUpdates, type Updates } from "./updates.ts";

/** What is decided about an update: why it is not installed, and what it would take along. */
interface Verdict {
  state: NonNullable<Patch["state"]>;
  reason: string | null;
  removes: string[];
}

/**
 * Everything installed and on offer, each update with its state. Reading commands only: dpkg-query, apt-cache policy
 * and show, apt-get -s and --print-uris, and at most 21 further simulations for what is kept back.
 */
export async function readListing(root: string | null, native: string): Promise<Listing> {
  const updates = await readUpdates(root, native);
  const fresh = updates.changes.filter((change) => change.action === "install");
  const [records, verdicts, download_bytes] = await Promise.all([
    readRecords(root, native, [
      ...updates.offers.map((offer) => target(offer, native)),
      ...updates.pinned.map((item) => ({ ...target(item, native), version: item.pin.withheld[0].version })),
      ...fresh.map((change) => freshTarget(change, native)),
    ]),
    judgeOffers(root, updates),
    downloadSize(root, updates),
  ]);
  const names = new Set(fresh.map((change) => change.name));
  const patches: Patch[] = [];
  for (const offer of updates.offers) {
    const { row, pending } = offer;
    const verdict = verdicts.get(row.key)!;
    const brings = verdict.state === "installable" ? newDependenciesOf(row.key, names, records) : [];
    const fix = securityVersion(pending);
    patches.push(await describePatch(root, { row, version: pending[0], fix, verdict, brings }, records.get(row.key)));
  }
  for (const item of updates.pinned) {
    const { row, pin } = item;
    const found = { row, version: pin.withheld[0], fix: withheldSecurity(pin), verdict: pinnedVerdict(updates, item) };
    patches.push(await describePatch(root, { ...found, brings: [] }, records.get(row.key)));
  }
  const latest = new Map(updates.offers.map((offer) => [offer.row.key, offer.policy.candidate]));
  return {
    installed: updates.rows.map((row) => describeInstalled(row, latest.get(row.key))),
    patches: patches.sort((a, b) => a.name < b.name ? -1 : 1),
    security_offers: updates.offers.flatMap((offer) => securityOffer(offer, records.get(offer.row.key), native)),
    download_bytes,
    error: updates.failure?.words ?? null,
  };
}

/** Everything on offer gets a verdict; what apt keeps back is explained by {@link explainKeptBack}. */
async function judgeOffers(root: string | null, updates: Updates): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const open: Offer[] = [];
  for (const offer of updates.offers) {
    const verdict = judge(updates, offer);
    if (verdict === null) open.push(offer);
    else verdicts.set(offer.row.key, { ...verdict, removes: [] });
  }
  for (const [key, kept] of await explainOffers(root, updates, open)) {
    verdicts.set(key, { state: "kept_back", ...kept });
  }
  return verdicts;
}

/** Why apt keeps these back. */
export async function explainOffers(
  root: string | null,
  updates: Updates,
  offers: Offer[],
): Promise<Map<string, KeptBackReason>> {
  const wanted = offers.map((offer) => ({ key: offer.row.key, target: target(offer, updates.native) }));
  return await explainKeptBack(root, wanted, stuckPackages(updates));
}

/** True while a version is not for every machine. */
export function isPhased(version: PolicyVersion): boolean {
  return version.phased_percent !== null && version.phased_percent < 100;
}

/** Null: apt keeps it back, and has to be asked why. */
function judge(updates: Updates, offer: Offer): Omit<Verdict, "removes"> | null {
  const { key } = offer.row;
  const obstacle: Obstacle | undefined = updates.obstacles.get(key);
  if (obstacle) return obstacle;
  if (updates.failure !== null) {
    return { state: "blocked", reason: `No update can be installed now: ${updates.failure.words}`.slice(0, 512) };
  }
  if (updates.installable.get(key) === offer.policy.candidate) return { state: "installable", reason: null };
  const [{ phased_percent }] = offer.pending;
  if (!isPhased(offer.pending[0])) return null;
  return {
    state: "phased",
    reason: `Rolled out in phases: ${phased_percent} % of all machines so far, this one is not among them yet.`,
  };
}

function pinnedVerdict(updates: Updates, { row, pin }: PinnedOffer): Verdict {
  const line = updates.exclusions.find(row.key);
  const excluded = line === null ? "" : ` It is also excluded by this host's administrator (${line}).`;
  const reason = `Pinned: ${pin.words}. See /etc/apt/preferences and preferences.d.${excluded}`;
  return { state: line === null ? "pinned" : "excluded", reason: reason.slice(0, 512), removes: [] };
}

/** What stands still and may be in another update's way, in words that follow "which" or the package's name. */
function stuckPackages(updates: Updates): Map<string, string> {
  const stuck = new Map<string, string>();
  for (const { row, pending } of updates.offers) {
    if (isPhased(pending[0]) && !updates.installable.has(row.key)) {
      stuck.set(row.key, `is rolled out in phases (${pending[0].phased_percent} % so far)`);
    }
  }
  for (const [key, { state }] of updates.obstacles) {
    if (state === "blocked") stuck.set(key, "comes from a source whose signature could not be verified");
  }
  for (const row of updates.older) stuck.set(row.key, "would go back to an older version by a preference of this host");
  for (const { row } of updates.pinned) stuck.set(row.key, "is held by a preference of this host");
  for (const row of updates.rows) {
    if (isHeld(row)) stuck.set(row.key, "is on hold on this host");
    else if (updates.exclusions.find(row.key) !== null) stuck.set(row.key, "is excluded by this host's administrator");
  }
  return stuck;
}

interface Described {
  row: InstalledRow;
  /** The one that is on offer, or would be. */
  version: PolicyVersion;
  /** The newest version with a security source above the installed one. */
  fix: string | null;
  verdict: Verdict;
  brings: string[];
}

async function describePatch(
  root: string | null,
  { row, version, fix, verdict, brings }: Described,
  record: PackageRecord | undefined,
): Promise<Patch> {
  const exact = record?.version === version.version ? record : undefined;
  const new_size = exact?.installed_size ?? null;
  const delta = new_size === null || row.installed_size === null ? null : (new_size - row.installed_size) * 1024;
  const reboot_reason = await rebootNeed(root, row, brings);
  return {
    name: row.key,
    arch: row.arch,
    current_version: shortened(row.version),
    available_version: shortened(version.version),
    repository: version.suites.slice(0, 64).map(shortened),
    security: fix !== null,
    security_version: fix === null ? null : shortened(fix),
    // apt carries no vendor severity; a guess from a name would be worse than none.
    severity: "unknown",
    severity_source: "none",
    cve_ids: [],
    cve_source: "none",
    advisory_ids: [],
    size_bytes: exact?.size ?? null,
    installed_size_delta_bytes: delta,
    source_package: shortened(row.source),
    description: exact?.description || row.description.slice(0, 1024),
    requires_reboot: reboot_reason !== null,
    reboot_reason,
    held: isHeld(row),
    phased_percent: version.phased_percent,
    state: verdict.state,
    state_reason: verdict.reason,
    installable: verdict.state === "installable",
    new_dependencies: brings.slice(0, 512),
    removes: verdict.removes.slice(0, 512),
  };
}

/** As long as the wire takes it: one odd word of a repository must not cost the whole list. */
function shortened(text: string): string {
  return text.length <= 256 ? text : `${text.slice(0, 255)}…`;
}

/** What the changelogs of a security update are found by; none for an ordinary one. */
function securityOffer(offer: Offer, record: PackageRecord | undefined, native: string): SecurityOffer[] {
  const wanted = target(offer, native);
  if (securityVersion(offer.pending) === null || record?.version !== wanted.version) return [];
  const { size, source, source_version } = record;
  const { key, source_version: installed_source_version } = offer.row;
  return [{ key, ...wanted, size, source, source_version, installed_source_version }];
}

function describeInstalled(row: InstalledRow, latest: string | undefined): InstalledPackage {
  return {
    name: row.key,
    version: shortened(row.version),
    status: isConfigured(row) ? "installed" : stateWords(row),
    upgradable: latest !== undefined,
    latest_version: shortened(latest ?? row.version),
    description: row.description.slice(0, 1024),
    cve_ids: [],
    arch: row.arch,
    size_bytes: row.installed_size === null ? null : row.installed_size * 1024,
    source_package: shortened(row.source),
    held: isHeld(row),
  };
}
