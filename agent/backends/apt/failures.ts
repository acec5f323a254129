import type { Failure } from "../../executor/package_manager.ts";
import type { JobErrorCode } from "../../../protocol/api.ts";
import { explainRefresh } from "./refresh_report.ts";
import { repositoryRules } from "./repository_failures.ts";

type Rule = [
  pattern: RegExp,
  code: JobErrorCode,
  words: (match: RegExpExecArray) => string,
  more?: { clock: true },
];

/**
 * First match wins, so causes stand before consequences: a full disk also makes dpkg fail, a missing key also
 * leaves index files undownloaded. Wordings are those of apt 2.6 to 3.0 under LC_ALL=C.UTF-8.
 */
const hostRules: Rule[] = [
  [
    /No space left on device|Disk quota exceeded|You don't have enough free space in (\S+?)\.?$/m,
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
    /Read-only file system/,
    "PERMISSION_DENIED",
    () =>
      "A file system of this host is mounted read-only, so nothing can be changed. Find out why (`dmesg`, " +
      "`findmnt -O ro` on the host), then mount it writable.",
  ],
  [
    /Unable to parse package file (\S*\/extended_states)/,
    "PKG_MANAGER_ERROR",
    (m) =>
      `apt's own record of what was installed automatically (${m[1]}) is damaged, so apt does nothing. Move it away ` +
      "on the host; what is in it is then forgotten.",
  ],
  [
    /dpkg was interrupted/,
    "PKG_MANAGER_ERROR",
    () =>
      "An earlier run of dpkg was interrupted. Start a repair from the manager, or run `dpkg --configure -a` on the " +
      "host, then try again.",
  ],
  [
    /(?:Malformed (?:entry|line|stanza) (\d+) in (?:list file|source list|\S+ file) (\S+) \(([^)]*)\))|(?:Type '([^']*)' is not known on (?:line|stanza) (\d+) in source list (\S+))/,
    "CACHE_REFRESH_ERROR",
    (m) =>
      m[1]
        ? `Line ${m[1]} of ${m[2]} is malformed (${m[3]}): apt does nothing until it is corrected on the host.`
        : `Line ${m[5]} of ${m[6]} begins with "${
          m[4]
        }", which is no kind of repository: apt does nothing until it is corrected on the host.`,
  ],
  [
    /The method '([^']*)' is unsupported|The method driver (\S+) could not be found/,
    "CACHE_REFRESH_ERROR",
    (m) => `apt cannot use a repository's kind of address (${m[1] ?? m[2]}). Correct it in sources.list on the host.`,
  ],
];

const dependencyRules: Rule[] = [
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

/** What this host's own configuration of apt calls, before and after. Last: what failed before it is the cause. */
const hookRules: Rule[] = [
  [
    /Problem executing scripts (APT::Update::Post-Invoke\S*) '([^\n]*)'/,
    "CACHE_REFRESH_ERROR",
    (m) => `The index was fetched, but a hook of this host's apt configuration failed afterwards (${hook(m)}).`,
  ],
  [
    /Problem executing scripts (\S+) '([^\n]*)'/,
    "PKG_MANAGER_ERROR",
    (m) => `A hook of this host's apt configuration failed (${hook(m)}). Its words are in the output.`,
  ],
  [
    /Failure running (script|hook) ([^\n]+)/,
    "PKG_MANAGER_ERROR",
    (m) =>
      `A hook of this host's apt configuration refused the change (${hook(["", "DPkg::Pre-Install-Pkgs", m[2]])}). ` +
      "Its words are in the output.",
  ],
];

function hook([, name, command]: ArrayLike<string> & Iterable<string>): string {
  return `${name}: ${command.trim().slice(0, 200)}`;
}

const rules: Rule[] = [...hostRules, ...repositoryRules, ...dependencyRules, ...hookRules];

/** The words of a failure, from what apt and dpkg said. Passwords in addresses are left out. */
export function explainFailure(output: string, during: "refresh" | "apply"): Failure {
  const plain = withoutPasswords(output);
  const host = firstOf(hostRules, plain);
  const failure = host ?? (during === "refresh" ? explainRefresh(plain) : null) ?? firstOf(rules, plain);
  if (failure !== null) return { ...failure, words: failure.words.slice(0, 2000) };
  const last = plain.split("\n").findLast((line) => /^(?:[EW]|Error|Warning): /.test(line)) ?? "";
  return {
    code: during === "refresh" ? "CACHE_REFRESH_ERROR" : "PKG_MANAGER_ERROR",
    words: (last.replace(/^\w+: /, "").trim() || "apt-get failed and did not say why; see the output.").slice(0, 2000),
  };
}

function firstOf(list: Rule[], output: string): Failure | null {
  for (const [pattern, code, words, more] of list) {
    const match = pattern.exec(output);
    if (match) return { code, words: words(match), ...more };
  }
  return null;
}

/** apt leaves them out in most messages, but not in all. */
function withoutPasswords(output: string): string {
  return output.replace(/(:\/\/)[^\s/@']*:[^\s/@']*@/g, "$1");
}

/** ` stork-plugins : Depends: stork-core (>= 2.0) but it is not installable`: what people need to know. */
export function dependencyLine(output: string): string | null {
  return dependencyLines(output)[0] ?? null;
}

/** The same for every package that apt names, each package once. */
export function dependencyLines(output: string): string[] {
  const lines = new Map<string, string>();
  for (const match of output.matchAll(/^ +(\S+) : ((?:Pre)?-?Depends|Conflicts|Breaks): ([^\n]+)/gm)) {
    if (lines.has(match[1])) continue;
    const words = `${match[1]} ${match[2].toLowerCase()} on ${match[3].trim()}`;
    lines.set(match[1], words.replace(/ (conflicts|breaks) on/, " $1"));
  }
  return [...lines.values()];
}
