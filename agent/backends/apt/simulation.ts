import type { PackageChange } from "../../../protocol/api.ts";
import { compareVersions } from "./debian_version.ts";

/** `Inst NAME [OLD] (NEW ORIGIN:VERSION/SUITE, ... [ARCH])`; without `[OLD]` it is new. */
const INSTALL = /^Inst (\S+)(?: \[([^\]]+)\])? \((\S+) .*\[([^\]]+)\]\)/;
const REMOVE = /^(?:Remv|Purg) (\S+)(?: \[([^\]]+)\])?/;

/** Reads what `apt-get -s` would do. Names are keys: a foreign architecture stays in the name. */
export function parseSimulation(text: string): PackageChange[] {
  const changes: PackageChange[] = [];
  for (const line of text.split("\n")) {
    const install = INSTALL.exec(line);
    if (install) {
      const [, name, from, to, arch] = install;
      changes.push({ name, arch, from: from ?? null, to, action: actionOf(from, to) });
      continue;
    }
    const remove = REMOVE.exec(line);
    if (remove) changes.push({ name: remove[1], from: remove[2] ?? null, to: null, action: "remove" });
  }
  return changes;
}

function actionOf(from: string | undefined, to: string): PackageChange["action"] {
  if (from === undefined) return "install";
  return compareVersions(from, to) > 0 ? "downgrade" : "upgrade";
}
