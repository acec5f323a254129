import type { InstalledPackage, Patch } from "../../../protocol/api.ts";
import type { SecurityOffer } from "../../executor/cve_types.ts";
import type { Listing } from "../../executor/package_manager.ts";
import { targetArgument, upgradeSimulation } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { explainFailure } from "./failures.ts";
import { type InstalledRow, isConfigured, isHeld, readInstalled, stateWords } from "./installed.ts";
import { keptBackReason } from "./kept_back.ts";
import { parsePolicy, pendingVersions, type Policy, type PolicyVersion, securityVersion } from "./policy.ts";
import { newDependenciesOf, type PackageRecord, parseRecords } from "./records.ts";
import { parseSimulation } from "./simulation.ts";

/** apt-cache takes this many names at once: far below the kernel's limit for arguments (2 MiB). */
const NAMES_PER_CALL = 4_000;

/** An update on offer, before it is dressed for the wire. */
export interface Offer {
  row: InstalledRow;
  policy: Policy;
  /** Newest first, down to the one above the installed. */
  pending: PolicyVersion[];
}

/** Four reading commands: dpkg-query, apt-cache policy, apt-get -s upgrade, apt-cache show. */
export async function readListing(root: string | null, native: string): Promise<Listing> {
  const rows = await readInstalled(root, native);
  const [offers, simulation] = await Promise.all([
    readOffers(root, rows),
    read(aptCall(root, programs.apt_get, upgradeSimulation)),
  ]);
  const error = simulation.code === 0 ? null : explainFailure(simulation.stderr + simulation.stdout, "apply").words;
  const changes = error === null ? parseSimulation(simulation.stdout) : [];
  const installable = new Map(changes.filter((item) => item.from !== null).map((item) => [item.name, item.to]));
  const fresh = changes.filter((item) => item.action === "install");
  const records = await readRecords(root, [
    ...offers.map((offer) => target(offer, native)),
    ...fresh.map((item) => ({ name: item.name, arch: native, version: item.to! })),
  ]);
  const freshNames = new Set(fresh.map((item) => item.name));
  const patches: Patch[] = [];
  for (const offer of offers) {
    const will_install = installable.get(offer.row.key) === offer.policy.candidate;
    const state = will_install
      ? { state: "installable" as const, reason: null }
      : await whyNot(root, native, offer, error);
    const record = records.get(offer.row.name);
    patches.push({
      ...describePatch(offer, record),
      state: state.state,
      state_reason: state.reason,
      installable: will_install,
      new_dependencies: will_install ? newDependenciesOf(offer.row.name, freshNames, records) : [],
    });
  }
  const latest = new Map(offers.map((offer) => [offer.row.key, offer.policy.candidate]));
  const security_offers = offers.flatMap((offer) => securityOffer(offer, records.get(offer.row.name), native));
  return { installed: rows.map((row) => describeInstalled(row, latest.get(row.key))), patches, security_offers, error };
}

/** What the changelogs of a security update are found by; none for an ordinary one. */
function securityOffer(offer: Offer, record: PackageRecord | undefined, native: string): SecurityOffer[] {
  const wanted = target(offer, native);
  if (securityVersion(offer.pending) === null || record?.version !== wanted.version) return [];
  const { size, source, source_version } = record;
  const { key, source_version: installed_source_version } = offer.row;
  return [{ key, ...wanted, size, source, source_version, installed_source_version }];
}

/** Everything whose candidate is newer than what is installed: the same set as `apt list --upgradable`. */
export async function readOffers(root: string | null, rows: InstalledRow[]): Promise<Offer[]> {
  const offers: Offer[] = [];
  for (let start = 0; start < rows.length; start += NAMES_PER_CALL) {
    const part = rows.slice(start, start + NAMES_PER_CALL);
    const answer = await read(aptCall(root, programs.apt_cache, ["policy", ...part.map((row) => row.key)]));
    if (answer.code !== 0) {
      throw new Error(`apt-cache policy failed: ${explainFailure(answer.stderr, "refresh").words}`);
    }
    const table = parsePolicy(answer.stdout);
    for (const row of part) {
      const policy = table.get(row.key);
      const pending = policy ? pendingVersions(policy) : [];
      if (policy && pending.length > 0) offers.push({ row, policy, pending });
    }
  }
  return offers;
}

/** The argument parts of an offer. Packages for all architectures go by the native one. */
export function target(offer: Offer, native: string): { name: string; arch: string; version: string } {
  const { name, arch } = offer.row;
  return { name, arch: arch === "all" ? native : arch, version: offer.policy.candidate };
}

async function whyNot(root: string | null, native: string, offer: Offer, error: string | null) {
  const phased = offer.pending[0].phased_percent;
  if (isHeld(offer.row)) {
    return {
      state: "held" as const,
      reason: `On hold on this host. Release it with: apt-mark unhold ${offer.row.key}`,
    };
  }
  if (error !== null) {
    return { state: "blocked" as const, reason: `No update can be installed now: ${error}`.slice(0, 512) };
  }
  if (phased !== null && phased < 100) {
    return {
      state: "phased" as const,
      reason: `Rolled out in phases: ${phased} % of all machines so far, this one is not among them yet.`,
    };
  }
  return { state: "kept_back" as const, reason: await keptBackReason(root, target(offer, native)) };
}

function describePatch(offer: Offer, record: PackageRecord | undefined): Patch {
  const { row, policy, pending } = offer;
  const fix = securityVersion(pending);
  const exact = record?.version === policy.candidate ? record : undefined;
  const new_size = exact?.installed_size ?? null;
  const delta = new_size === null || row.installed_size === null ? null : (new_size - row.installed_size) * 1024;
  return {
    name: row.key,
    arch: row.arch,
    current_version: row.version,
    available_version: policy.candidate,
    repository: pending[0].suites,
    security: fix !== null,
    security_version: fix,
    // apt carries no vendor severity; a guess from a name would be worse than none.
    severity: "unknown",
    severity_source: "none",
    cve_ids: [],
    cve_source: "none",
    advisory_ids: [],
    size_bytes: exact?.size ?? null,
    installed_size_delta_bytes: delta,
    source_package: row.source,
    description: exact?.description || row.description,
    requires_reboot: /^linux-image-|-microcode$/.test(row.name),
    held: isHeld(row),
    phased_percent: pending[0].phased_percent,
  };
}

function describeInstalled(row: InstalledRow, latest: string | undefined): InstalledPackage {
  return {
    name: row.key,
    version: row.version,
    status: isConfigured(row) ? "installed" : stateWords(row),
    upgradable: latest !== undefined,
    latest_version: latest ?? row.version,
    description: row.description.slice(0, 1024),
    cve_ids: [],
    arch: row.arch,
    size_bytes: row.installed_size === null ? null : row.installed_size * 1024,
    source_package: row.source,
    held: isHeld(row),
  };
}

async function readRecords(
  root: string | null,
  targets: { name: string; arch: string; version: string }[],
): Promise<Map<string, PackageRecord>> {
  const records = new Map<string, PackageRecord>();
  for (let start = 0; start < targets.length; start += NAMES_PER_CALL) {
    const names = targets.slice(start, start + NAMES_PER_CALL).flatMap((item) => {
      // The plus that apt-get wants doubled is an install mark there only.
      try {
        return [targetArgument(item).replace(/\+\+$/, "+")];
      } catch {
        return [];
      }
    });
    if (names.length === 0) continue;
    const answer = await read(aptCall(root, programs.apt_cache, ["show", "--no-all-versions", ...names]));
    for (const record of parseRecords(answer.stdout)) records.set(record.name, record);
  }
  return records;
}
