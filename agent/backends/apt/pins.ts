import { isSecuritySuite, type Policy, type PolicyVersion } from "./policy.ts";

/** A newer version that is there, and that the host's preferences keep from being installed. */
export interface Pin {
  /** Newest first, down to the one above the installed version. */
  withheld: PolicyVersion[];
  /** Which preference does it, in words. */
  words: string;
}

/** Pockets of one release; a backport and a proposed update belong to none, nobody expects them by default. */
const POCKET = /-(?:updates|(?:apps-|infra-)?security|(?:apps|infra)-updates)$/;

/** `bookworm` of `bookworm/main`, `bookworm-security/main` and `bookworm/updates/main`. */
export function releaseOf(suite: string): string {
  return suite.slice(0, suite.indexOf("/")).replace(POCKET, "");
}

/**
 * The release that this host follows: the one which most packages' candidates come from. Null where nothing has a
 * source.
 */
export function hostRelease(policies: Iterable<Policy>): string | null {
  const counts = new Map<string, number>();
  for (const policy of policies) {
    const candidate = policy.versions.find((item) => item.version === policy.candidate);
    for (const release of new Set(candidate?.suites.map(releaseOf))) {
      counts.set(release, (counts.get(release) ?? 0) + 1);
    }
  }
  let best: string | null = null;
  for (const [release, count] of counts) if (best === null || count > counts.get(best)!) best = release;
  return best;
}

/**
 * Why a newer version is not the candidate, when a preference of the host is the cause (apt_preferences(5), measured
 * with apt 2.6 and 3.0). Not a pin: a backport at its own priority of 100, another release that is simply not the
 * target, a version that is older than the installed one. Null when there is no such version.
 * @param release what {@link hostRelease} found
 */
export function findPin(policy: Policy, release: string | null): Pin | null {
  const installed = policy.versions.findIndex((item) => item.version === policy.installed);
  if (installed <= 0) return null;
  const chosen = policy.versions.find((item) => item.version === policy.candidate) ?? policy.versions[installed];
  const newer = policy.versions.slice(0, installed);
  const first = newer.findIndex((item) => cause(item, chosen, release) !== null);
  if (first < 0) return null;
  const withheld = newer.slice(first).filter((item) => cause(item, chosen, release) !== null);
  return { withheld, words: cause(withheld[0], chosen, release)! };
}

function cause(item: PolicyVersion, chosen: PolicyVersion, release: string | null): string | null {
  const { version, priority, source_priority } = item;
  if (source_priority === null) return null;
  const from = item.suites.length > 0 ? ` from ${item.suites.join(", ")}` : "";
  if (priority !== source_priority && priority < 500) {
    return `a preference for this package gives ${version}${from} the priority ${priority}`;
  }
  if (priority < 0) return `a preference gives everything${from} the priority ${priority}`;
  if (chosen.priority > Math.max(chosen.source_priority ?? 100, 100) && source_priority >= 500) {
    return `a preference for this package chooses ${chosen.version} (priority ${chosen.priority}), not ${version}${from}`;
  }
  if (release === null || !item.suites.some((suite) => releaseOf(suite) === release)) return null;
  // The release that the host follows, and yet passed over: APT::Default-Release without its pockets, for example.
  return `${version}${from} has the priority ${priority}, the installed version ${chosen.priority}`;
}

/** The newest withheld version with a security source; null when none is one. */
export function withheldSecurity(pin: Pin): string | null {
  return pin.withheld.find((item) => item.suites.some(isSecuritySuite))?.version ?? null;
}
