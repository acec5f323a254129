/** The pockets of the sandbox's repository, named so that a security pocket is recognised by its source. */
export const sandboxSuites = ["lab", "lab-updates", "lab-security"] as const;
export type SandboxSuite = typeof sandboxSuites[number];

/** One version of one invented package. */
export interface SandboxPackage {
  name: string;
  version: string;
  suite: SandboxSuite;
  description: string;
  /** Source package; its own name when absent. */
  source?: string;
  depends?: string;
  conflicts?: string;
  /** Default `all`. Another one than the machine's own needs `dpkg --add-architecture` and apt's list to match. */
  architecture?: string;
  /** Further control fields, such as Provides, Breaks, Recommends or Pre-Depends. */
  fields?: Record<string, string>;
  /** Lines of the changelog entry of this version. */
  changes?: string[];
  /** The whole changelog instead of one entry with `changes`. */
  changelog?: string;
  /** Name of the package whose documents it shares: its own folder is only a link. */
  documents_of?: string;
  /** A configuration file that dpkg asks about when it was changed on the host. */
  conffile?: { path: string; text: string };
  /** Shell text that runs after unpacking; it must keep to "$DPKG_ROOT". */
  postinst?: string;
  /** The same before unpacking. */
  preinst?: string;
  /** Part of all machines that may have it already, 0 to 100. */
  phased_percent?: number;
  /** Size of a filler file, so that downloads differ; 0 to 1024. */
  filler_kib?: number;
  /** KiB, as the index says it. */
  installed_size?: number;
}

/** What an administrator changed by hand on the sandbox host, so that an update must keep it. */
export const changedConffile = { path: "etc/corvid/httpd.conf", text: "listen 8080\nworkers 8 # raised by hand\n" };
/** Packages on hold on the sandbox host. */
export const heldPackages = ["magpie-server"];
/**
 * Where the sandbox's maintainer scripts read what they do: `SLOW_STEPS` (0.2 s each, default 10),
 * `SLOW_GATE` (path below the root that heron-database waits for, at most 60 s) and `OSPREY_REPAIRED=1`, which
 * lets osprey-agent's script succeed.
 */
export const scriptSettings = "etc/default/sandbox";

const readSettings = `[ -e "$DPKG_ROOT/${scriptSettings}" ] && . "$DPKG_ROOT/${scriptSettings}"\n`;

const failing = readSettings +
  `[ "\${OSPREY_REPAIRED:-0}" = 1 ] && exit 0
echo "osprey-agent: cannot migrate the queue: /var/spool/osprey is from version 3" >&2
exit 1
`;

const slow = readSettings +
  `step=0
while [ "$step" -lt "\${SLOW_STEPS:-10}" ]; do echo "heron-database: converting catalogue, part $step"; sleep 0.2; step=$((step+1)); done
if [ -n "\${SLOW_GATE:-}" ]; then
  : > "$DPKG_ROOT/$SLOW_GATE.waiting"
  step=0
  while [ ! -e "$DPKG_ROOT/$SLOW_GATE" ] && [ "$step" -lt 1200 ]; do sleep 0.05; step=$((step+1)); done
fi
exit 0
`;

const askForReboot = `mkdir -p "$DPKG_ROOT/run"
echo "*** System restart required ***" > "$DPKG_ROOT/run/reboot-required"
echo linux-image-sandbox >> "$DPKG_ROOT/run/reboot-required.pkgs"
`;

/** As everywhere, the newest version's changelog has the entries of those before it. */
const tesseraChangelog = [
  ["3.0.11-1+deb12u3", "lab-updates; urgency=medium", "Fix a regression in session tickets."],
  ["3.0.11-1+deb12u2", "lab-security; urgency=high", "Fix CVE-2026-990011 and CVE-2026-990012."],
  ["3.0.11-1", "lab; urgency=medium", "New upstream version, with the fix of CVE-2026-990001."],
].map(([version, where, words]) =>
  `tessera (${version}) ${where}\n\n  * ${words}\n\n -- Sandbox <sandbox@example.test>  Thu, 01 Jan 2026 00:00:00 +0000\n`
).join("\n");

/**
 * Every version that the repository offers. Names, products and CVE numbers are invented; the numbers lie far
 * above those in use, so that nobody takes them for real ones.
 */
export const sandboxPackages: SandboxPackage[] = [
  ...versions({ name: "libtessera3", source: "tessera", description: "TLS library", filler_kib: 96 }, [
    ["3.0.11-1", "lab"],
    ["3.0.11-1+deb12u2", "lab-security", {
      changes: [
        "SECURITY UPDATE: heap overflow in the parsing of certificate policies (CVE-2026-990011)",
        "SECURITY UPDATE: timing difference in RSA decryption (CVE-2026-990012)",
      ],
      installed_size: 5120,
    }],
    // The security fix is hidden behind an ordinary update: it still has to count as security.
    ["3.0.11-1+deb12u3", "lab-updates", {
      changes: ["Fix a regression in session tickets."],
      changelog: tesseraChangelog,
      installed_size: 5124,
    }],
  ]),
  ...versions({ name: "tessera-tools", source: "tessera", description: "command line tools for Tessera" }, [
    ["3.0.11-1", "lab", { depends: "libtessera3 (>= 3.0.11-1)" }],
    ["3.0.11-1+deb12u2", "lab-security", {
      depends: "libtessera3 (>= 3.0.11-1+deb12u2)",
      changes: ["SECURITY UPDATE: shell quoting in tessera-rehash (CVE-2026-990013)"],
    }],
  ]),
  ...versions({ name: "corvid-httpd", description: "small web server", filler_kib: 220 }, [
    ["2.4.57-2", "lab", { conffile: { path: "/etc/corvid/httpd.conf", text: "listen 80\nworkers 4\n" } }],
    ["2.4.59-1", "lab-security", {
      conffile: { path: "/etc/corvid/httpd.conf", text: "listen 80\nworkers 4\nheader_limit 8k\n" },
      changes: ["New upstream version.", "SECURITY UPDATE: request smuggling (CVE-2026-990021)"],
    }],
  ]),
  ...versions({ name: "linux-image-sandbox", source: "linux-sandbox", description: "kernel", filler_kib: 420 }, [
    ["6.1.76-1", "lab", { installed_size: 390000 }],
    ["6.1.90-1", "lab-security", {
      installed_size: 391200,
      postinst: askForReboot,
      changes: ["SECURITY UPDATE: use after free in the packet filter (CVE-2026-990031)"],
    }],
  ]),
  ...versions({ name: "gannet-mail", description: "mail transport agent", filler_kib: 64 }, [
    ["1:2.3.19~rc1+dfsg1-2", "lab"],
    ["1:2.3.19+dfsg1-1", "lab-security", { changes: ["SECURITY UPDATE: header injection (CVE-2026-990041)"] }],
  ]),
  ...versions({ name: "lumen-utils", description: "terminal tools", filler_kib: 32 }, [
    ["2.38.1-5", "lab"],
    ["2.38.1-6", "lab-updates", { changes: ["Translations updated."] }],
  ]),
  ...versions({ name: "curlew", description: "transfers files by URL", filler_kib: 48 }, [
    ["7.88.1-10", "lab"],
    ["7.88.1-11", "lab-updates", { changes: ["Fix proxy names with a trailing dot."] }],
  ]),
  ...versions({ name: "libpelican-filters1", source: "pelican", description: "filters of the Pelican proxy" }, [
    ["1.1-1", "lab-updates"],
  ]),
  ...versions({ name: "pelican-proxy", source: "pelican", description: "caching proxy", filler_kib: 80 }, [
    ["1.0-3", "lab"],
    ["1.1-1", "lab-updates", { depends: "libpelican-filters1 (>= 1.1)", changes: ["Filters moved to a library."] }],
  ]),
  ...versions({ name: "osprey-agent", description: "job runner whose update fails half-way" }, [
    ["4.2.0-1", "lab"],
    ["4.2.1-1", "lab-updates", { postinst: failing, changes: ["The queue is migrated on update."] }],
  ]),
  ...versions({ name: "heron-database", description: "database server with a slow update", filler_kib: 300 }, [
    ["15.3-0", "lab"],
    ["15.5-0", "lab-updates", { postinst: slow, changes: ["The catalogue is converted on update."] }],
  ]),
  ...versions({ name: "magpie-server", description: "message broker, on hold on this host" }, [
    ["3.1.2-1", "lab"],
    ["3.1.4-1", "lab-updates", { changes: ["New upstream version."] }],
  ]),
  ...versions({ name: "wren-portal", description: "desktop portal, rolled out in phases" }, [
    ["0.9.1-1", "lab"],
    ["0.9.2-1", "lab-updates", { phased_percent: 0, changes: ["New upstream version."] }],
  ]),
  ...versions({ name: "stork-plugins", description: "plugins whose new dependency is not available" }, [
    ["1.0-1", "lab"],
    ["1.1-1", "lab-updates", { depends: "stork-core (>= 2.0)", changes: ["Needs Stork 2."] }],
  ]),
  ...versions({ name: "plover-icons", description: "icons, up to date" }, [["5.0-1", "lab"]]),
];

/** What a new sandbox host has installed: everything at its oldest version, except what only an update brings. */
export function initialVersions(): Map<string, string> {
  return new Map(sandboxPackages.filter((item) => item.suite === "lab").map((item) => [item.name, item.version]));
}

type Detail = Partial<SandboxPackage>;

function versions(
  common: Detail & { name: string; description: string },
  list: [version: string, suite: SandboxSuite, detail?: Detail][],
): SandboxPackage[] {
  return list.map(([version, suite, detail]) => ({ ...common, version, suite, ...detail }));
}
