/** The package managers that are imitated. */
export type Manager = "apt" | "dnf" | "zypper" | "apk" | "pacman";

/** One distribution as a simulated host runs it. */
export interface Distribution {
  key: string;
  os: string;
  os_id: string;
  os_id_like: string;
  os_version: string;
  os_codename: string | null;
  kernel: string;
  init_system: "systemd" | "openrc";
  manager: Manager;
  manager_version: string;
  /** Name of the machine architecture as the package manager spells it. */
  arch: string;
  repository: string;
  security_repository: string;
  server: string;
  /** What stands behind the upstream version; `#` becomes the number of the build. */
  release: string;
  /** Whether the vendor publishes severities and CVE ids in the package index. */
  advisories: boolean;
  /** Of a thousand hosts so many run it. */
  share: number;
}

/** Names end in `.example` so that nobody takes a simulated address for a real one (RFC 6761). */
export const distributions: readonly Distribution[] = [
  {
    key: "debian-12",
    os: "Debian GNU/Linux",
    os_id: "debian",
    os_id_like: "",
    os_version: "12",
    os_codename: "bookworm",
    kernel: "6.1.0-43-amd64",
    init_system: "systemd",
    manager: "apt",
    manager_version: "2.6.1",
    arch: "amd64",
    repository: "bookworm/main",
    security_repository: "bookworm-security/main",
    server: "http://deb.debian.example/debian",
    release: "-2+deb12u#",
    advisories: false,
    share: 240,
  },
  {
    key: "debian-13",
    os: "Debian GNU/Linux",
    os_id: "debian",
    os_id_like: "",
    os_version: "13",
    os_codename: "trixie",
    kernel: "6.12.57+deb13-amd64",
    init_system: "systemd",
    manager: "apt",
    manager_version: "3.0.3",
    arch: "amd64",
    repository: "trixie/main",
    security_repository: "trixie-security/main",
    server: "http://deb.debian.example/debian",
    release: "-1+deb13u#",
    advisories: false,
    share: 120,
  },
  {
    key: "ubuntu-24.04",
    os: "Ubuntu",
    os_id: "ubuntu",
    os_id_like: "debian",
    os_version: "24.04",
    os_codename: "noble",
    kernel: "6.8.0-90-generic",
    init_system: "systemd",
    manager: "apt",
    manager_version: "2.8.3",
    arch: "amd64",
    repository: "noble-updates/main",
    security_repository: "noble-security/main",
    server: "http://archive.ubuntu.example/ubuntu",
    release: "-0ubuntu3.#",
    advisories: false,
    share: 220,
  },
  {
    key: "rhel-9",
    os: "Red Hat Enterprise Linux",
    os_id: "rhel",
    os_id_like: "fedora",
    os_version: "9.7",
    os_codename: "plow",
    kernel: "5.14.0-611.11.1.el9_7.x86_64",
    init_system: "systemd",
    manager: "dnf",
    manager_version: "4.14.0",
    arch: "x86_64",
    repository: "rhel-9-baseos",
    security_repository: "rhel-9-baseos",
    server: "https://cdn.rhel.example",
    release: "-#.el9_7",
    advisories: true,
    share: 110,
  },
  {
    key: "rocky-9",
    os: "Rocky Linux",
    os_id: "rocky",
    os_id_like: "rhel centos fedora",
    os_version: "9.7",
    os_codename: "blue-onyx",
    kernel: "5.14.0-611.9.1.el9_7.x86_64",
    init_system: "systemd",
    manager: "dnf",
    manager_version: "4.14.0",
    arch: "x86_64",
    repository: "baseos",
    security_repository: "baseos",
    server: "https://mirrors.rocky.example",
    release: "-#.el9_7",
    advisories: true,
    share: 110,
  },
  {
    key: "opensuse-15.6",
    os: "openSUSE Leap",
    os_id: "opensuse-leap",
    os_id_like: "suse opensuse",
    os_version: "15.6",
    os_codename: null,
    kernel: "6.4.0-150600.23.81-default",
    init_system: "systemd",
    manager: "zypper",
    manager_version: "1.14.90",
    arch: "x86_64",
    repository: "repo-update",
    security_repository: "repo-sle-update",
    server: "http://download.opensuse.example",
    release: "-150600.3.#.1",
    advisories: true,
    share: 80,
  },
  {
    key: "alpine-3.22",
    os: "Alpine Linux",
    os_id: "alpine",
    os_id_like: "",
    os_version: "3.22.2",
    os_codename: null,
    kernel: "6.12.57-0-lts",
    init_system: "openrc",
    manager: "apk",
    manager_version: "2.14.9",
    arch: "x86_64",
    repository: "v3.22/main",
    security_repository: "v3.22/main",
    server: "https://dl-cdn.alpine.example/alpine",
    release: "-r#",
    advisories: false,
    share: 70,
  },
  {
    key: "arch",
    os: "Arch Linux",
    os_id: "arch",
    os_id_like: "",
    os_version: "rolling",
    os_codename: null,
    kernel: "6.17.8-arch1-1",
    init_system: "systemd",
    manager: "pacman",
    manager_version: "7.0.0",
    arch: "x86_64",
    repository: "core",
    security_repository: "core",
    server: "https://geo.mirror.arch.example",
    release: "-#",
    advisories: false,
    share: 50,
  },
];
