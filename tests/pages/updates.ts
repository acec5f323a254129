import type { Patch } from "../../protocol/api.ts";

type Offer = Pick<Patch, "name" | "current_version" | "available_version"> & Partial<Patch>;

const CVES: Record<string, string[]> = {
  openssl: ["CVE-2026-2511", "CVE-2026-2512", "CVE-2026-4741"],
  "linux-image-amd64": Array.from({ length: 34 }, (_, index) => `CVE-2026-${31_600 + index * 7}`),
  "openssh-server": ["CVE-2026-6387"],
  sudo: ["CVE-2026-32463"],
};

/** Name, installed, available, severity (none: not a security update), KiB. */
const LIST: [string, string, string, Patch["severity"] | null, number][] = [
  ["openssl", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", "critical", 1_430],
  ["libssl3", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", "critical", 2_026],
  ["linux-image-amd64", "6.1.112-1", "6.1.153-1", "high", 68_420],
  ["openssh-server", "1:9.2p1-2+deb12u3", "1:9.2p1-2+deb12u7", "high", 456],
  ["sudo", "1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u2", "high", 1_890],
  ["libxml2", "2.9.14+dfsg-1.3~deb12u1", "2.9.14+dfsg-1.3~deb12u4", "medium", 686],
  ["curl", "7.88.1-10+deb12u8", "7.88.1-10+deb12u14", "medium", 315],
  ["libcurl4", "7.88.1-10+deb12u8", "7.88.1-10+deb12u14", "medium", 391],
  ["bind9-libs", "1:9.18.28-1~deb12u2", "1:9.18.41-1~deb12u1", "high", 1_410],
  ["libgnutls30", "3.7.9-2+deb12u3", "3.7.9-2+deb12u5", "low", 1_405],
  ["git", "1:2.39.5-0+deb12u1", "1:2.39.5-0+deb12u3", "medium", 7_258],
  ["ghostscript", "10.0.0~dfsg-11+deb12u6", "10.0.0~dfsg-11+deb12u8", "unknown", 57],
  ["python3.11", "3.11.2-6+deb12u4", "3.11.2-6+deb12u6", "medium", 573],
  ["krb5-locales", "1.20.1-2+deb12u2", "1.20.1-2+deb12u4", "low", 63],
  ["base-files", "12.4+deb12u8", "12.4+deb12u12", null, 71],
  ["systemd", "252.31-1~deb12u1", "252.39-1~deb12u1", null, 3_044],
  ["libsystemd0", "252.31-1~deb12u1", "252.39-1~deb12u1", null, 332],
  ["udev", "252.31-1~deb12u1", "252.39-1~deb12u1", null, 1_693],
  ["tzdata", "2024b-0+deb12u1", "2026b-0+deb12u1", null, 298],
  ["ca-certificates", "20230311", "20250419~deb12u1", null, 162],
  ["nginx", "1.22.1-9", "1.22.1-9+deb12u3", null, 527],
  ["postgresql-15", "15.8-0+deb12u1", "15.14-0+deb12u1", null, 16_880],
  ["postgresql-client-15", "15.8-0+deb12u1", "15.14-0+deb12u1", null, 1_690],
  ["qemu-guest-agent", "1:7.2+dfsg-7+deb12u7", "1:7.2+dfsg-7+deb12u16", null, 424],
  ["containerd.io", "1.7.22-1", "1.7.28-2", null, 29_510],
  ["grafana-enterprise-plugin-renderer-headless", "11.2.0-1", "11.2.2+security-01", null, 118_400],
];

const MORE = [
  "dbus",
  "gawk",
  "less",
  "wget",
  "rsync",
  "vim-common",
  "vim-tiny",
  "screen",
  "tmux",
  "tcpdump",
  "mtr-tiny",
  "libwebp7",
  "libtiff6",
  "libc-bin",
  "libc6",
  "locales",
  "passwd",
  "login",
  "util-linux",
  "mount",
  "fdisk",
  "iproute2",
  "iptables",
  "nftables",
  "chrony",
  "cron",
  "exim4-base",
  "mailutils",
  "lsof",
  "strace",
  "htop",
  "jq",
  "unzip",
  "zip",
];

function offer([name, current_version, available_version, severity, kib]: typeof LIST[number]): Offer {
  const security = severity !== null;
  return {
    name,
    arch: "amd64",
    current_version,
    available_version,
    security,
    severity: severity ?? "unknown",
    severity_source: security ? "vendor-advisory" : "none",
    cve_ids: security ? CVES[name] ?? [`CVE-2026-${1_000 + name.length * 371}`] : [],
    repository: security ? ["Debian-Security:12/stable-security"] : ["Debian:12.12/stable"],
    size_bytes: kib * 1024,
    requires_reboot: name.startsWith("linux-image"),
    state: "installable",
  };
}

/** Sixty updates as a neglected Debian 12 offers them: most can be installed, some stay for reasons of every kind. */
export const UPDATES: Offer[] = [
  ...LIST.map(offer),
  ...MORE.map((name, index) =>
    offer([name, `1.${index}-1`, `1.${index}-1+deb12u${index % 3 + 1}`, null, 40 + index * 31])
  ),
].map((one): Offer => {
  switch (one.name) {
    case "postgresql-15":
      return { ...one, state: "held", held: true, state_reason: "Held on the host by apt-mark." };
    case "postgresql-client-15":
      return { ...one, state: "excluded", state_reason: "Excluded by the host's own apt preferences (pin -1)." };
    case "systemd":
      return {
        ...one,
        state: "phased",
        phased_percent: 30,
        state_reason: "Phased: 30 % of hosts get it so far, this one not yet.",
      };
    case "containerd.io":
      return {
        ...one,
        state: "kept_back",
        state_reason: "Kept back: it would remove docker-compose-plugin, which the host still needs.",
      };
    case "udev":
      return { ...one, state: "blocked", state_reason: "Blocked: it needs systemd 252.39, which is phased." };
    case "linux-image-amd64":
      return { ...one, new_dependencies: ["linux-image-6.1.0-40-amd64"] };
    default:
      return one;
  }
});

/** Some of them by name. */
export function updates(...names: string[]): Offer[] {
  return names.map((name) => {
    const found = UPDATES.find((one) => one.name === name);
    if (!found) throw new Error(`no such update in the scenario: ${name}`);
    return found;
  });
}
