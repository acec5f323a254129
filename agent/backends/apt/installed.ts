import { adminDirectory, aptCall, programs, read } from "./command.ts";

/** One row of dpkg's database. */
export interface InstalledRow {
  /** `name`, or `name:arch` for a foreign architecture: unique, and what orders use. */
  key: string;
  name: string;
  /** As dpkg says: `all` is possible. */
  arch: string;
  version: string;
  /** The three letters of `dpkg -l`: wanted, state, error. */
  abbreviation: string;
  /** KiB; null when the package does not say. */
  installed_size: number | null;
  source: string;
  source_version: string;
  description: string;
}

const fields = [
  "Package",
  "Version",
  "Architecture",
  "db:Status-Abbrev",
  "Installed-Size",
  "source:Package",
  "source:Version",
  "binary:Summary",
];

/** Everything that dpkg knows and that is not merely leftover configuration. */
export async function readInstalled(root: string | null, native: string): Promise<InstalledRow[]> {
  const format = `-f=${fields.map((field) => "${" + field + "}").join("\\t")}\\n`;
  const { code, stdout, stderr } = await read(
    aptCall(root, programs.dpkg_query, [...adminDirectory(root), "-W", format]),
  );
  // dpkg-query answers 1 for an empty database, with nothing on standard error.
  if (code !== 0 && stderr.trim() !== "" && !/no packages found/.test(stderr)) {
    throw new Error(`dpkg-query cannot read the package database: ${stderr.trim()}`);
  }
  return parseInstalled(stdout, native);
}

/** Reads the lines of {@link readInstalled}; rows whose second letter is n or c are not installed at all. */
export function parseInstalled(text: string, native: string): InstalledRow[] {
  const rows: InstalledRow[] = [];
  for (const line of text.split("\n")) {
    const parts = line.split("\t");
    if (parts.length < fields.length) continue;
    const [name, version, arch, abbreviation, size, source, source_version] = parts;
    if (abbreviation[1] === "n" || abbreviation[1] === "c" || version === "") continue;
    rows.push({
      key: arch === native || arch === "all" ? name : `${name}:${arch}`,
      name,
      arch,
      version,
      abbreviation,
      installed_size: /^\d{1,12}$/.test(size) ? Number(size) : null,
      source,
      source_version,
      description: parts.slice(7).join(" "),
    });
  }
  return rows;
}

/** True when unpacked and configured: the only state that counts as installed. */
export function isConfigured(row: InstalledRow): boolean {
  return row.abbreviation[1] === "i" && (row.abbreviation[2] ?? " ") === " ";
}

/** True when an administrator put it on hold. */
export function isHeld(row: InstalledRow): boolean {
  return row.abbreviation[0] === "h";
}

/** Words for a state that is not "installed". */
export function stateWords(row: InstalledRow): string {
  const words: Record<string, string> = {
    H: "it is half installed",
    U: "it is unpacked but not configured",
    F: "its configuration failed half-way",
    W: "it waits for another package's trigger",
    t: "its trigger is pending",
    i: "it needs to be installed again",
  };
  return words[row.abbreviation[1]] ?? `dpkg says ${row.abbreviation.trim()}`;
}
