import { type Target, targetArgument } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";

/** apt-cache takes this many names at once: far below the kernel's limit for arguments (2 MiB). */
const NAMES_PER_CALL = 4_000;

/** What `apt-cache show` says about one version on offer. */
export interface PackageRecord {
  name: string;
  /** As the index says: `all` is possible. Empty when it does not say. */
  arch: string;
  version: string;
  /** Source package and its version: other than the binary's for a rebuild or a package with numbers of its own. */
  source: string;
  source_version: string;
  /** Bytes to download. */
  size: number | null;
  /** KiB. */
  installed_size: number | null;
  description: string;
  /** Names that it depends on, alternatives included. */
  depends: string[];
  /** Names under which others may depend on it, its own excluded. */
  provides: string[];
}

/**
 * The records of exact versions, by key: `name`, or `name:arch` for a foreign architecture. One that apt does not
 * have is missing from the answer.
 */
export async function readRecords(
  root: string | null,
  native: string,
  targets: Target[],
): Promise<Map<string, PackageRecord>> {
  const records = new Map<string, PackageRecord>();
  for (let start = 0; start < targets.length; start += NAMES_PER_CALL) {
    const names = targets.slice(start, start + NAMES_PER_CALL).flatMap((item) => {
      // The plus that apt-get wants doubled is an install mark there only.
      try {
        return [targetArgument(item).replace(/\+\+$/, "+")];
      } catch {
        return [];
      }
    });
    if (names.length === 0) continue;
    const answer = await read(aptCall(root, programs.apt_cache, ["show", "--no-all-versions", ...names]));
    for (const record of parseRecords(answer.stdout)) {
      const { name, arch } = record;
      records.set(arch === native || arch === "all" || arch === "" ? name : `${name}:${arch}`, record);
    }
  }
  return records;
}

/** Reads the paragraphs of `apt-cache show` (deb822: a line that starts with a blank continues the one before). */
export function parseRecords(text: string): PackageRecord[] {
  const records: PackageRecord[] = [];
  for (const paragraph of text.split(/\n\n+/)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      const match = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
      if (match) fields.set(match[1], match[2]);
    }
    const name = fields.get("Package");
    const version = fields.get("Version");
    if (!name || !version) continue;
    const architecture = fields.get("Architecture");
    const source = /^(\S+)(?: \(([^)\s]+)\))?/.exec(fields.get("Source") ?? "");
    records.push({
      name,
      arch: architecture ?? "",
      version,
      source: source?.[1] ?? name,
      source_version: source?.[2] ?? version,
      size: number(fields.get("Size")),
      installed_size: number(fields.get("Installed-Size")),
      description: (fields.get("Description-en") ?? fields.get("Description") ?? "").slice(0, 1024),
      depends: architecture === undefined ? [] : dependencyNames(
        `${fields.get("Pre-Depends") ?? ""},${fields.get("Depends") ?? ""},${fields.get("Recommends") ?? ""}`,
      ),
      provides: dependencyNames(fields.get("Provides") ?? ""),
    });
  }
  return records;
}

/**
 * Which of the new packages a package brings with it, directly, through other new ones, or under a name that a new
 * one provides.
 * @param key key of the package in `records`
 * @param fresh keys of all new packages
 */
export function newDependenciesOf(key: string, fresh: Set<string>, records: Map<string, PackageRecord>): string[] {
  const providers = new Map<string, string[]>();
  for (const item of fresh) {
    for (const name of records.get(item)?.provides ?? []) providers.set(name, [...providers.get(name) ?? [], item]);
  }
  const found = new Set<string>();
  const open = [key];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    const arch = current.split(":")[1];
    for (const name of records.get(current)?.depends ?? []) {
      // What a foreign package depends on is of its architecture, or of the machine's own when that will do.
      const direct = [arch === undefined ? name : `${name}:${arch}`, name].filter((item) => fresh.has(item));
      for (const item of direct.length > 0 ? direct.slice(0, 1) : providers.get(name) ?? []) {
        if (item === key || found.has(item)) continue;
        found.add(item);
        open.push(item);
      }
    }
  }
  return [...found].sort();
}

function dependencyNames(text: string): string[] {
  return text.split(/[,|]/).map((part) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(part)?.[1] ?? "").filter(Boolean);
}

function number(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}
