import type { PackageChange } from "../../../protocol/api.ts";
import type { Plan, Verification } from "../../executor/package_manager.ts";
import { type InstalledRow, isConfigured, readInstalled, stateWords } from "./installed.ts";
import { scriptOutput } from "./script_output.ts";

/**
 * Reads the package database again and compares: only what dpkg calls installed at the planned version counts.
 * Exit codes are not asked. Every planned change is in the answer once, done or failed.
 * @param errors reasons from apt's status lines, by package name
 * @param output what apt and dpkg said, for the last lines of a failed script
 */
export async function verifyPlan(
  root: string | null,
  native: string,
  plan: Plan,
  errors: Record<string, string>,
  output: string,
): Promise<Verification> {
  const rows = new Map((await readInstalled(root, native)).map((row) => [row.key, row]));
  const result: Verification = { done: [], failed: [] };
  for (const change of plan.changes) {
    const row = rows.get(change.name);
    const words = missing(change, row, errors[change.name.split(":")[0]]);
    if (words === null) result.done.push(change);
    else {
      result.failed.push({
        name: change.name,
        reason: words.slice(0, 2000),
        state: dpkgState(row),
        output: scriptOutput(output, change.name),
      });
    }
  }
  return result;
}

function missing(change: PackageChange, row: InstalledRow | undefined, error: string | undefined): string | null {
  const because = error ? ` ${sentence(error)}` : "";
  if (!row) return change.to === null ? null : `It is not installed.${because}`;
  if (change.to === null) return `It is still there, at ${row.version}.${because}`;
  if (row.version !== change.to) return `It is still at ${row.version}, wanted was ${change.to}.${because}`;
  return isConfigured(row) ? null : `It is at ${row.version}, but ${stateWords(row)}.${because}`;
}

function sentence(text: string): string {
  return text[0].toUpperCase() + text.slice(1).trim() + (text.trim().endsWith(".") ? "" : ".");
}

/** The state in dpkg's own word, as `dpkg -s` shows it. */
export function dpkgState(row: InstalledRow | undefined): string {
  if (row === undefined) return "not-installed";
  const words: Record<string, string> = {
    H: "half-installed",
    U: "unpacked",
    F: "half-configured",
    W: "triggers-awaited",
    t: "triggers-pending",
    i: "installed",
  };
  const word = words[row.abbreviation[1]] ?? "unknown";
  return (row.abbreviation[2] ?? " ") === " " ? word : `${word}, reinst-required`;
}
