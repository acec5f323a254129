/** One version of a package in apt's version table. */
export interface PolicyVersion {
  version: string;
  /** Part of all machines that should have it, 0 to 100; null when it is not rolled out in phases. */
  phased_percent: number | null;
  /** `SUITE/COMPONENT` of every source that has it; empty for one that is only installed. */
  suites: string[];
}

export interface Policy {
  installed: string;
  candidate: string;
  /** Newest first, as apt prints them. */
  versions: PolicyVersion[];
}

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
    const version = /^ (?:\*\*\*| {3}) (\S+) -?\d+(?: \(phased (\d+)%\))?$/.exec(line);
    if (version) {
      current.versions.push({
        version: version[1],
        phased_percent: version[2] === undefined ? null : Number(version[2]),
        suites: [],
      });
      continue;
    }
    const source = /^ {8,}-?\d+ \S+ (\S+\/\S*) \S+ Packages$/.exec(line);
    if (source) current.versions.at(-1)?.suites.push(source[1]);
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
