import { planArguments, type Target } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { explainFailure } from "./failures.ts";
import type { InstalledRow } from "./installed.ts";
import { findPin, hostRelease, type Pin } from "./pins.ts";
import { parsePolicy, pendingVersions, type Policy, type PolicyVersion } from "./policy.ts";

/** apt-cache takes this many names at once: far below the kernel's limit for arguments (2 MiB). */
const NAMES_PER_CALL = 4_000;

/** An update on offer, before it is dressed for the wire. */
export interface Offer {
  row: InstalledRow;
  policy: Policy;
  /** Newest first, down to the one above the installed. */
  pending: PolicyVersion[];
}

/** A newer version that the host's preferences keep from being on offer. */
export interface PinnedOffer {
  row: InstalledRow;
  policy: Policy;
  pin: Pin;
}

export interface Offers {
  /** Everything whose candidate is newer than what is installed: the same set as `apt list --upgradable`. */
  offers: Offer[];
  pinned: PinnedOffer[];
  /** What apt would bring back to an older version, because a preference of 1000 or more asks for it. */
  older: InstalledRow[];
}

/** @throws Error when apt cannot read its own index */
export async function readOffers(root: string | null, rows: InstalledRow[]): Promise<Offers> {
  const table = await readPolicies(root, rows.map((row) => row.key));
  const release = hostRelease(table.values());
  const found: Offers = { offers: [], pinned: [], older: [] };
  for (const row of rows) {
    const policy = table.get(row.key);
    if (!policy) continue;
    const pending = pendingVersions(policy);
    if (pending.length > 0) {
      found.offers.push({ row, policy, pending });
      continue;
    }
    if (isOlder(policy)) found.older.push(row);
    const pin = findPin(policy, release);
    if (pin !== null) found.pinned.push({ row, policy, pin });
  }
  return found;
}

/** The table is sorted, newest first; only a version that is there counts as a candidate. */
function isOlder({ installed, candidate, versions }: Policy): boolean {
  const place = (version: string | null) => versions.findIndex((item) => item.version === version);
  return place(installed) >= 0 && place(candidate) > place(installed);
}

/** apt's version table of many packages. Keys that apt does not know have none. */
export async function readPolicies(root: string | null, keys: string[]): Promise<Map<string, Policy>> {
  const table = new Map<string, Policy>();
  for (let start = 0; start < keys.length; start += NAMES_PER_CALL) {
    const part = keys.slice(start, start + NAMES_PER_CALL);
    const answer = await read(aptCall(root, programs.apt_cache, ["policy", ...part]));
    if (answer.code !== 0) {
      throw new Error(`apt-cache policy failed: ${explainFailure(answer.stderr, "refresh").words}`);
    }
    for (const [key, policy] of parsePolicy(answer.stdout)) table.set(key, policy);
  }
  return table;
}

/** The argument parts of an offer. Packages for all architectures go by the native one. */
export function target(offer: Pick<Offer, "row" | "policy">, native: string): Target {
  return { ...installedTarget(offer.row, native), version: offer.policy.candidate };
}

/** The argument parts of what is installed. */
export function installedTarget(row: InstalledRow, native: string): Target {
  const { name, arch, version } = row;
  return { name, arch: arch === "all" ? native : arch, version };
}

/** False for a name or version that no argument may carry, such as one that was installed by force. */
export function isArgument(target: Target): boolean {
  try {
    planArguments([target]);
    return true;
  } catch {
    return false;
  }
}
