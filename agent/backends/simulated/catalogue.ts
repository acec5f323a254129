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

/** Builds of later releases are numbered from here on, above every build that the catalogue begins with. */
const FIRST_RELEASE = 14;

/** The update that a distribution publishes later. Each is newer than all before it. @param number from 0 */
export function makeRelease(
  distribution: Distribution,
  { name, description, size_bytes }: CataloguePackage,
  seed: number,
  number: number,
): Update {
  const row = { name, size_kib: size_bytes / 1024, words: description };
  const words = [seed, distribution.key, name, number] as const;
  return {
    ...describeUpdate(distribution, row, words),
    version: versionOf(distribution, name, FIRST_RELEASE + number),
  };
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
  const build = between(1, 9, key, row.name, "build");
  return {
    name: row.name,
    version: versionOf(distribution, row.name, build),
    description: row.words,
    size_bytes: row.size_kib * 1024,
    source_package: row.name.startsWith("linux-image") ? "linux" : row.name.replace(/^lib(?=[a-z]{4})|[-.\d]+$/g, ""),
    update: fraction(key, row.name, "update") < 0.42
      ? {
        ...describeUpdate(distribution, row, [key, row.name]),
        version: versionOf(distribution, row.name, build + between(1, 4, key, row.name, "step")),
      }
      : null,
  };
}

function versionOf({ key, release }: Distribution, name: string, build: number): string {
  const upstream = `${between(1, 9, key, name, "major")}.${between(0, 24, key, name, "minor")}.${
    between(0, 12, key, name, "patch")
  }`;
  return upstream + release.replace("#", String(build));
}

/** Everything about an update but its version. @param words what it is a function of */
function describeUpdate(
  distribution: Distribution,
  row: Row,
  words: readonly (string | number)[],
): Omit<Update, "version"> {
  const { advisories } = distribution;
  const security = fraction(...words, "security") < 0.5;
  const level = fraction(...words, "severity");
  const severity: Severity = level < 0.08 ? "critical" : level < 0.4 ? "high" : level < 0.8 ? "medium" : "low";
  // apt, apk and pacman have no vendor severity in their index, so none is shown: unknown, never guessed.
  const told = advisories && security;
  const count = between(1, 4, ...words, "cves");
  // Distributions share the holes of their software; a later release (a number behind the name) closes others.
  const holes = words.length > 2 ? words.filter((word) => word !== distribution.key) : [];
  // 90000 to 99999 is a range that nobody has assigned for 2026: an invented id is seen as one.
  const cves = Array.from(
    { length: count },
    (_, i) => `CVE-2026-9${pad(hash("cve", row.words, ...holes, i) % 10_000)}`,
  );
  return {
    security,
    severity: told ? severity : "unknown",
    cve_ids: security && (told || distribution.manager === "apt") ? [...new Set(cves)].sort() : [],
    advisory_ids: told ? [`SIM-2026:9${pad(hash(...words, "advisory") % 10_000)}`] : [],
    repository: security ? distribution.security_repository : distribution.repository,
    size_bytes: Math.round(row.size_kib * 1024 * (0.2 + 0.2 * fraction(...words, "packed"))),
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
