import type { Severity } from "../../../protocol/api.ts";
import type { Distribution, Manager } from "./distributions.ts";
import { between, fraction, hash, pick } from "./random.ts";
import { everywhere, roles } from "./package_names.ts";

/** The update that a distribution offers for a package. Everything about it is invented. */
export interface Update {
  version: string;
  security: boolean;
  severity: Severity;
  cve_ids: string[];
  advisory_ids: string[];
  repository: string;
  size_bytes: number;
  requires_reboot: boolean;
}

/** One package of a distribution, shared by every host that has it. */
export interface CataloguePackage {
  name: string;
  version: string;
  description: string;
  /** Installed size. */
  size_bytes: number;
  source_package: string;
  update: Update | null;
}

/** Position of a manager's own name in the table of names. */
const COLUMN: Record<Manager, number> = { apt: 0, dnf: 1, zypper: 1, apk: 2, pacman: 3 };
const REBOOT_NAMES = /^(linux-image|kernel$|linux-lts$|linux$|libc6$|glibc$|musl$|systemd$|dbus$|openrc$)/;

const made = new Map<string, readonly CataloguePackage[]>();

/**
 * What a host of this distribution in this role has installed. Made once per pair, and the same for every seed: a
 * fleet has one history of updates, hosts differ in how far they have followed it.
 */
export function catalogue(distribution: Distribution, role: string): readonly CataloguePackage[] {
  const key = `${distribution.key}/${role}`;
  let packages = made.get(key);
  if (!packages) {
    packages = parse(everywhere + roles[role], COLUMN[distribution.manager])
      .map((row) => makePackage(distribution, row));
    made.set(key, packages);
  }
  return packages;
}

interface Row {
  name: string;
  size_kib: number;
  words: string;
}

function parse(text: string, column: number): Row[] {
  const rows = text.split("\n").filter((line) => line !== "").map((line) => {
    const [names, size, ...words] = line.split(" ");
    const all = names.split("/");
    return { name: all[column] ?? all[0], size_kib: Number(size), words: words.join(" ") };
  });
  return [...new Map(rows.map((row) => [row.name, row])).values()];
}

function makePackage(distribution: Distribution, row: Row): CataloguePackage {
  const { key } = distribution;
  const upstream = `${between(1, 9, key, row.name, "major")}.${between(0, 24, key, row.name, "minor")}.${
    between(0, 12, key, row.name, "patch")
  }`;
  const build = between(1, 9, key, row.name, "build");
  return {
    name: row.name,
    version: upstream + distribution.release.replace("#", String(build)),
    description: row.words,
    size_bytes: row.size_kib * 1024,
    source_package: row.name.startsWith("linux-image") ? "linux" : row.name.replace(/^lib(?=[a-z]{4})|[-.\d]+$/g, ""),
    update: fraction(key, row.name, "update") < 0.42 ? makeUpdate(distribution, row, upstream, build) : null,
  };
}

function makeUpdate(distribution: Distribution, row: Row, upstream: string, build: number): Update {
  const { key, advisories } = distribution;
  const security = fraction(key, row.name, "security") < 0.5;
  const level = fraction(key, row.name, "severity");
  const severity: Severity = level < 0.08 ? "critical" : level < 0.4 ? "high" : level < 0.8 ? "medium" : "low";
  // apt, apk and pacman have no vendor severity in their index, so none is shown: unknown, never guessed.
  const told = advisories && security;
  const count = between(1, 4, key, row.name, "cves");
  // 90000 to 99999 is a range that nobody has assigned for 2026: an invented id is seen as one.
  const cves = Array.from({ length: count }, (_, i) => `CVE-2026-9${pad(hash("cve", row.words, i) % 10_000)}`);
  return {
    version: upstream + distribution.release.replace("#", String(build + between(1, 4, key, row.name, "step"))),
    security,
    severity: told ? severity : "unknown",
    cve_ids: security && (told || distribution.manager === "apt") ? [...new Set(cves)].sort() : [],
    advisory_ids: told ? [`SIM-2026:9${pad(hash(key, row.name, "advisory") % 10_000)}`] : [],
    repository: security ? distribution.security_repository : distribution.repository,
    size_bytes: Math.round(row.size_kib * 1024 * (0.2 + 0.2 * fraction(key, row.name, "packed"))),
    requires_reboot: REBOOT_NAMES.test(row.name),
  };
}

/** The role of a host. */
export function pickRole(...words: (string | number)[]): string {
  return pick(Object.keys(roles), ...words, "role");
}

function pad(number: number): string {
  return String(number).padStart(4, "0");
}
