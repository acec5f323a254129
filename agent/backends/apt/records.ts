/** What `apt-cache show` says about one version on offer. */
export interface PackageRecord {
  name: string;
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
      version,
      source: source?.[1] ?? name,
      source_version: source?.[2] ?? version,
      size: number(fields.get("Size")),
      installed_size: number(fields.get("Installed-Size")),
      description: (fields.get("Description-en") ?? fields.get("Description") ?? "").slice(0, 1024),
      depends: architecture === undefined ? [] : dependencyNames(
        `${fields.get("Pre-Depends") ?? ""},${fields.get("Depends") ?? ""},${fields.get("Recommends") ?? ""}`,
      ),
    });
  }
  return records;
}

/** Which of the new packages a package brings with it, directly or through other new ones. */
export function newDependenciesOf(name: string, fresh: Set<string>, records: Map<string, PackageRecord>): string[] {
  const found = new Set<string>();
  const open = [name];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    for (const dependency of records.get(current)?.depends ?? []) {
      if (!fresh.has(dependency) || found.has(dependency)) continue;
      found.add(dependency);
      open.push(dependency);
    }
  }
  return [...found].sort();
}

function dependencyNames(text: string): string[] {
  return text.split(/[,|]/).map((part) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(part)?.[1] ?? "").filter(Boolean);
}

function number(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
