import type { Failure } from "../../executor/package_manager.ts";
import type { JobErrorCode } from "../../../protocol/api.ts";

type Rule = [pattern: RegExp, code: JobErrorCode, words: (match: RegExpExecArray) => string];

/**
 * First match wins, so causes stand before consequences: a full disk also makes dpkg fail, a missing key also
 * leaves index files undownloaded. Wordings are those of apt 2.6 to 3.0 under LC_ALL=C.UTF-8.
 */
const rules: Rule[] = [
  [
    /No space left on device|You don't have enough free space in (\S+?)\.?$/m,
    "DISK_FULL",
    (m) => `The disk is full${m[1] ? ` (${m[1]})` : ""}. Free some space, then try again.`,
  ],
  [
    /Could not get lock (\S+?)\.? (?:- open.*|It is held by process (\d+) \(([^)]*)\))/,
    "PKG_MANAGER_BUSY",
    (m) =>
      m[2]
        ? `Another package manager is at work: ${m[3]} (process ${m[2]}) holds ${m[1]}. Try again when it has ended.`
        : `Another package manager holds ${m[1]}. Try again when it has ended.`,
  ],
  [
    /dpkg was interrupted/,
    "PKG_MANAGER_ERROR",
    () => "An earlier run of dpkg was interrupted. Run `dpkg --configure -a` on the host, then try again.",
  ],
  [
    /(?:NO_PUBKEY|BADSIG|EXPKEYSIG|GPG error|is not signed|signatures couldn't be verified|unauthenticated packages)[^\n]*/,
    "GPG_ERROR",
    (m) => `A repository's signature could not be verified: ${m[0].trim()}`,
  ],
  [
    /Failed to fetch (\S+)\s+(?:Hash Sum mismatch|File has unexpected size)/,
    "NETWORK_ERROR",
    (m) => `${m[1]} is not what the index announced (size or checksum). The mirror may be changing; try again later.`,
  ],
  [
    /Failed to fetch (\S+)\s+(?:404|File not found|Failed to stat)/,
    "NETWORK_ERROR",
    (m) => `${m[1]} is not in the repository any more. Refresh the index and try again.`,
  ],
  [
    /(Could not resolve|Temporary failure resolving|Could not connect|Unable to connect|Connection (?:failed|timed out)|Network is unreachable)[^\n]*/,
    "NETWORK_ERROR",
    (m) => `A repository cannot be reached: ${m[0].trim()}`,
  ],
  [/Failed to fetch [^\n]*/, "NETWORK_ERROR", (m) => m[0].trim()],
  [
    /(Packages need to be removed but remove is disabled|Held packages were changed|[Uu]nmet dependencies|held broken packages)[^\n]*/,
    "DEPENDENCY_CONFLICT",
    (m) => `The dependencies do not allow it: ${dependencyLine(m.input) ?? m[0].trim()}`,
  ],
  [
    /Unable to locate package (\S+)|Version '([^']+)' for '([^']+)' was not found/,
    "PKG_NOT_FOUND",
    (m) => m[1] ? `apt does not know ${m[1]}.` : `Version ${m[2]} of ${m[3]} is not on offer any more.`,
  ],
  [
    /(?:Permission denied|are you root\?)[^\n]*/,
    "PERMISSION_DENIED",
    () => "The executor may not do this: it needs root.",
  ],
  [
    /dpkg: error processing (?:package|archive) (\S+)[^\n]*\n\s*([^\n]+)/,
    "PKG_MANAGER_ERROR",
    (m) => `${m[1].split("/").at(-1)}: ${m[2].trim()}`,
  ],
];

/** The words of a failure, from what apt and dpkg said. */
export function explainFailure(output: string, during: "refresh" | "apply"): Failure {
  for (const [pattern, code, words] of rules) {
    const match = pattern.exec(output);
    if (match) return { code, words: words(match).slice(0, 2000) };
  }
  const last = output.split("\n").findLast((line) => /^[EW]: /.test(line)) ?? "";
  return {
    code: during === "refresh" ? "CACHE_REFRESH_ERROR" : "PKG_MANAGER_ERROR",
    words: (last.slice(3).trim() || "apt-get failed and did not say why; see the output.").slice(0, 2000),
  };
}

/** ` stork-plugins : Depends: stork-core (>= 2.0) but it is not installable`: what people need to know. */
export function dependencyLine(output: string): string | null {
  const match = /^ +(\S+) : ((?:Pre)?-?Depends|Conflicts|Breaks): ([^\n]+)/m.exec(output);
  return match
    ? `${match[1]} ${match[2].toLowerCase()} on ${match[3].trim()}`.replace(/ (conflicts|breaks) on/, " $1")
    : null;
}
