/** One directive of a unit file, with the comment that stands above it. */
export interface Directive {
  section: string;
  name: string;
  value: string;
  /** The lines of the comment above it, or above the group of lines that it belongs to; empty when there is none. */
  comment: string;
}

const systemd = new URL("../systemd/", import.meta.url).pathname;

/** Absolute path of a file below systemd/. */
export const systemdFile = (name: string) => systemd + name;

/** Reads systemd's format, as far as our own units use it (no continued lines). @throws Error for another line */
export function readUnit(text: string): Directive[] {
  const found: Directive[] = [];
  let [section, comment, ended] = ["", "", true];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# ---")) {
      comment = "";
    } else if (line.startsWith("#")) {
      // A comment below a directive begins a new group.
      comment = (ended ? "" : comment) + line.slice(1).trim() + "\n";
      ended = false;
    } else if (line.startsWith("[")) {
      [section, comment] = [line.slice(1, -1), ""];
    } else {
      const at = line.indexOf("=");
      if (at < 1 || line.endsWith("\\")) throw new Error(`This line of a unit is not understood: ${line}`);
      found.push({ section, name: line.slice(0, at), value: line.slice(at + 1), comment: comment.trim() });
      ended = true;
    }
  }
  return found;
}

export const readUnitFile = (name: string) => readUnit(Deno.readTextFileSync(systemdFile(name)));

/** All values of one directive in the section Service, in their order. */
export function values(unit: Directive[], name: string): string[] {
  return unit.filter((one) => one.section === "Service" && one.name === name).map(({ value }) => value);
}

/** The capability bounding set as `setpriv --bounding-set` takes it: `-all,+chown,…`. */
export function boundingSet(unit: Directive[]): string {
  const names = values(unit, "CapabilityBoundingSet").join(" ").split(" ").filter((name) => name !== "");
  return ["-all", ...names.map((name) => `+${name.replace(/^CAP_/, "").toLowerCase()}`)].join(",");
}
