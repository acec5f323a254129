import { gzipSync } from "node:zlib";
import { type ExecutableFacts, installedKibibytes } from "./executable.ts";

/** One file of the package. `content` is a path to copy from, or the bytes themselves. */
export interface PackageFile {
  /** Absolute path on the host. */
  path: string;
  mode: number;
  content: { copy: string } | Uint8Array;
  /** The host's administrator may change it; dpkg asks before it overwrites a change. */
  configuration?: true;
}

/** What differs from one build to the next. */
export interface PackageOptions {
  /** Debian version (Policy 5.6.12), without epoch. */
  version: string;
  /** Debian's name of the architecture, such as amd64. */
  arch: string;
  /** Name and address of who answers for the package. */
  maintainer: string;
  /** The executable `patch-agent`. */
  executable: string;
  facts: ExecutableFacts;
  /** Time of the sources, seconds since 1970: every file gets it, so that the same sources give the same bytes. */
  epoch_seconds: number;
  /** What `patch-agent help` says; becomes part of the manual page. */
  usage: string;
  /** Licence texts of what the executable carries. */
  notices: string;
}

const VERSION = /^[0-9][A-Za-z0-9.+~-]*$/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]{1,20}$/;
const MAINTAINER = /^[^<>\n]{1,80} <[^<>\s@]+@[^<>\s@]+>$/;

/** Words for the first option that Debian's control file would not take; null when all are well. */
export function optionProblem(options: Pick<PackageOptions, "version" | "arch" | "maintainer">): string | null {
  const { version, arch, maintainer } = options;
  if (!VERSION.test(version)) {
    return `${JSON.stringify(version)} is no Debian version: a digit first, then letters, digits and . + ~ -`;
  }
  if (!ARCHITECTURE.test(arch)) return `${JSON.stringify(arch)} is no Debian architecture, such as amd64 or arm64.`;
  return MAINTAINER.test(maintainer) ? null : `The maintainer has to read NAME <ADDRESS>, not ${maintainer}.`;
}

const encode = (text: string) => new TextEncoder().encode(text);
const compress = (text: string) => new Uint8Array(gzipSync(encode(text), { level: 9 }));

/**
 * Every file that the package puts on a host, sorted by path.
 * @param root the checkout
 */
export function packageFiles(root: string, options: PackageOptions): PackageFile[] {
  const file = (path: string, from: string): PackageFile => ({
    path,
    mode: 0o644,
    content: { copy: `${root}/${from}` },
  });
  const made = (path: string, content: Uint8Array): PackageFile => ({ path, mode: 0o644, content });
  const doc = "/usr/share/doc/patch-agent";
  return [
    { path: "/usr/bin/patch-agent", mode: 0o755, content: { copy: options.executable } },
    ...["patch-agent", "patch-executor"].map((name) =>
      file(`/usr/lib/systemd/system/${name}.service`, `systemd/${name}.service`)
    ),
    file("/usr/lib/sysusers.d/patch-agent.conf", "systemd/sysusers.d/patch-agent.conf"),
    file("/usr/lib/tmpfiles.d/patch-agent.conf", "systemd/tmpfiles.d/patch-agent.conf"),
    { ...file("/etc/patch-agent/agent.env", "packaging/agent/agent.env"), configuration: true as const },
    { ...file("/etc/patch-agent/exclude", "packaging/agent/exclude"), configuration: true as const },
    {
      ...file("/etc/needrestart/conf.d/50-patch-agent.conf", "systemd/needrestart/50-patch-agent.conf"),
      configuration: true as const,
    },
    file(`${doc}/copyright`, "packaging/agent/copyright"),
    made(`${doc}/changelog.gz`, compress(changelog(options))),
    made(`${doc}/third-party-notices.gz`, compress(options.notices)),
    file("/usr/share/lintian/overrides/patch-agent", "packaging/agent/lintian-overrides"),
    made("/usr/share/man/man1/patch-agent.1.gz", compress(manualPage(options))),
  ].sort((a, b) => a.path < b.path ? -1 : 1);
}

/** DEBIAN/control. @param bytes of all files together */
export function controlText(options: PackageOptions, sizes: readonly number[]): string {
  const { version, arch, maintainer, facts } = options;
  // ps and kill: the executor finds a package manager that an earlier executor left running.
  const depends = ["apt", "passwd", "procps"];
  if (facts.glibc !== null) depends.push(`libc6 (>= ${facts.glibc})`, "libgcc-s1");
  return [
    "Package: patch-agent",
    `Version: ${version}`,
    `Architecture: ${arch}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${installedKibibytes(sizes)}`,
    `Depends: ${depends.sort().join(", ")}`,
    // needrestart tells which services run old code; dpkg-repack saves packages that no repository has any more.
    "Recommends: dpkg-repack, needrestart",
    "Section: admin",
    "Priority: optional",
    "Description: agent of Linux Patch Manager",
    " Lists the updates that this host needs, in every state a host can be in, and",
    " installs them when the manager orders it. The side that talks to the network",
    " runs without rights; the side that runs the package manager has no network.",
    "",
  ].join("\n");
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** In Debian's format (Policy 4.4), which tools such as apt-listchanges read. */
function changelog({ version, maintainer, epoch_seconds }: PackageOptions): string {
  const time = new Date(epoch_seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${DAYS[time.getUTCDay()]}, ${two(time.getUTCDate())} ${MONTHS[time.getUTCMonth()]} ` +
    `${time.getUTCFullYear()} ${time.toISOString().slice(11, 19)} +0000`;
  return `patch-agent (${version}) stable; urgency=medium\n\n` +
    `  * Release ${version}. What changed stands in the project's CHANGELOG.md.\n\n -- ${maintainer}  ${date}\n`;
}

/** troff takes a dot or a quote at the start of a line for a command, and a backslash for an escape. */
const troff = (text: string) => text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/gm, "\\&");

function manualPage({ version, epoch_seconds, usage }: PackageOptions): string {
  const date = new Date(epoch_seconds * 1000).toISOString().slice(0, 10);
  const files: [path: string, words: string][] = [
    ["/etc/patch-agent/agent.env", "where to listen and who may connect"],
    ["/etc/patch-agent/exclude", "packages that are never upgraded"],
    ["/var/lib/patch-agent", "key, certificate, enrolment (network side)"],
    ["/var/lib/patch-executor", "jobs and saved packages (root side)"],
    ["/run/patch-agent/executor.sock", "how the network side asks the root side"],
  ];
  return [
    `.TH PATCH\\-AGENT 1 "${date}" "patch\\-agent ${troff(version)}" "Linux Patch Manager"`,
    ".SH NAME",
    "patch\\-agent \\- lists and installs updates of this host for Linux Patch Manager",
    ".SH SYNOPSIS",
    ".B patch\\-agent",
    "COMMAND [options]",
    ".SH COMMANDS",
    ".nf",
    troff(usage),
    ".fi",
    ".SH FILES",
    ...files.flatMap(([path, words]) => [".TP", `.I ${troff(path)}`, troff(words)]),
    ".SH EXIT STATUS",
    "0 done, 1 failed, 2 called wrongly.",
    "",
  ].join("\n");
}
