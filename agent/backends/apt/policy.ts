/** One version of a package in apt's version table. */
export interface PolicyVersion {
  version: string;
  /** Part of all machines that should have it, 0 to 100; null when it is not rolled out in phases. */
  phased_percent: number | null;
  /** `SUITE/COMPONENT` of every source that has it; empty for one that is only installed. */
  suites: string[];
  /** Every source in apt's words, as `apt-get indextargets` describes it too. */
  sources: string[];
  /** What the host's preferences make of it, apt_preferences(5): below 0 it is never installed. */
  priority: number;
  /** The best priority among its sources, before a preference for this package; null without a source. */
  source_priority: number | null;
}

export interface Policy {
  installed: string;
  candidate: string;
  /** Newest first, as apt prints them. */
  versions: PolicyVersion[];
}

/**
 * `500 http://deb.example.org/debian bookworm/main amd64 Packages`, and of a flat repository `500 file:/srv ./ Packages`.
 * dpkg's own status file is no source.
 */
const SOURCE = /^ {6,}(-?\d+) (\S+ (\S+)(?: \S+)? Packages)$/;

/** Reads `apt-cache policy NAME...`. Keys are as apt prints them: `name`, or `name:arch` for a foreign one. */
export function parsePolicy(text: string): Map<string, Policy> {
  const table = new Map<string, Policy>();
  let current: Policy | null = null;
  for (const line of text.split("\n")) {
    const head = /^(\S+):$/.exec(line);
    if (head) {
      current = { installed: "", candidate: "", versions: [] };
      table.set(head[1], current);
      continue;
    }
    if (!current) continue;
    const fact = /^ {2}(Installed|Candidate): (\S+)$/.exec(line);
    if (fact) {
      current[fact[1] === "Installed" ? "installed" : "candidate"] = fact[2] === "(none)" ? "" : fact[2];
      continue;
    }
    const version = /^ (?:\*\*\*| {3}) (\S+) (-?\d+)(?: \(phased (\d+)%\))?$/.exec(line);
    if (version) {
      current.versions.push({
        version: version[1],
        phased_percent: version[3] === undefined ? null : Number(version[3]),
        suites: [],
        sources: [],
        priority: Number(version[2]),
        source_priority: null,
      });
      continue;
    }
    const source = SOURCE.exec(line);
    const last = current.versions.at(-1);
    if (!source || !last) continue;
    const [, priority, description, suite] = source;
    last.sources.push(description);
    last.source_priority = Math.max(last.source_priority ?? -Infinity, Number(priority));
    if (suite.includes("/")) last.suites.push(suite);
  }
  return table;
}

/** The versions above the installed one up to the candidate, newest first; empty when there is no update. */
export function pendingVersions(policy: Policy): PolicyVersion[] {
  const candidate = policy.versions.findIndex((item) => item.version === policy.candidate);
  const installed = policy.versions.findIndex((item) => item.version === policy.installed);
  if (candidate < 0 || installed <= candidate) return [];
  return policy.versions.slice(candidate, installed);
}

/**
 * True for a pocket that carries security updates, judged by the suite alone: `bookworm-security/main`,
 * `noble-apps-security/main`, and `buster/updates/main` of older Debian. Labels and addresses are not asked,
 * they differ on every mirror.
 */
export function isSecuritySuite(suite: string): boolean {
  return /-security\//.test(suite) || /^[a-z]+\/updates\//.test(suite);
}

/** The newest pending version with a security source: a fix stays one when an ordinary update lies over it. */
export function securityVersion(pending: PolicyVersion[]): string | null {
  return pending.find((item) => item.suites.some(isSecuritySuite))?.version ?? null;
}
