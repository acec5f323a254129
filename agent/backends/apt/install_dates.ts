import { rfc3339 } from "../../../core/clock.ts";
import type { InstalledPackage } from "../../../protocol/api.ts";
import { hostPath } from "./command.ts";

/**
 * When each package was last unpacked, RFC 3339, by `name` or `name:architecture` as dpkg names its files: the list of
 * a package's files is written anew then. Read again only when the folder has changed, because dpkg renames a new
 * list into it at every unpacking.
 */
export function createInstallDates(root: string | null): () => Promise<Map<string, string>> {
  const folder = hostPath(root, "/var/lib/dpkg/info");
  let kept: { changed: number; dates: Map<string, string> } | null = null;
  return async () => {
    let changed: number;
    try {
      changed = (await Deno.stat(folder)).mtime?.getTime() ?? 0;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Map();
      throw error;
    }
    if (kept === null || kept.changed !== changed) kept = { changed, dates: readDates(folder) };
    return kept.dates;
  };
}

/** Synchronous: 3,000 files take 72 ms this way (measured), and far longer through as many promises. */
function readDates(folder: string): Map<string, string> {
  const dates = new Map<string, string>();
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".list")) continue;
    const time = changeOf(`${folder}/${name}`);
    if (time !== null) dates.set(name.slice(0, -5), rfc3339(Temporal.Instant.fromEpochMilliseconds(time)));
  }
  return dates;
}

/** Null for a file that dpkg took away meanwhile. */
function changeOf(path: string): number | null {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The same list with the day on which each package came to its version. */
export function addInstallDates(installed: InstalledPackage[], dates: Map<string, string>): InstalledPackage[] {
  return installed.map((row) => ({
    ...row,
    install_date: installDateOf(dates, row.name.split(":")[0], row.arch ?? "all"),
  }));
}

/**
 * The date of one package. dpkg names the files of a package that may be installed for several architectures at once
 * with the architecture, all others without.
 */
export function installDateOf(dates: Map<string, string>, name: string, arch: string): string | null {
  return dates.get(`${name}:${arch}`) ?? dates.get(name) ?? null;
}
