import type { PackageChange } from "../../../protocol/api.ts";
import type { Plan, Verification } from "../../executor/package_manager.ts";
import { type InstalledRow, isConfigured, readInstalled, stateWords } from "./installed.ts";

/**
 * Reads the package database again and compares: only what dpkg calls installed at the planned version counts.
 * Exit codes are not asked.
 * @param errors reasons from apt's status lines, by package name
 */
export async function verifyPlan(
  root: string | null,
  native: string,
  plan: Plan,
  errors: Record<string, string>,
): Promise<Verification> {
  const rows = new Map((await readInstalled(root, native)).map((row) => [row.key, row]));
  const result: Verification = { done: [], failed: [] };
  for (const change of plan.changes) {
    const words = missing(change, rows.get(change.name), errors[change.name.split(":")[0]]);
    if (words === null) result.done.push(change);
    else result.failed.push({ name: change.name, reason: words.slice(0, 2000) });
  }
  return result;
}

function missing(change: PackageChange, row: InstalledRow | undefined, error: string | undefined): string | null {
  const because = error ? ` ${sentence(error)}` : "";
  if (!row) return change.to === null ? null : `It is not installed.${because}`;
  if (row.version !== change.to) return `It is still at ${row.version}, wanted was ${change.to}.${because}`;
  return isConfigured(row) ? null : `It is at ${row.version}, but ${stateWords(row)}.${because}`;
}

function sentence(text: string): string {
  return text[0].toUpperCase() + text.slice(1).trim() + (text.trim().endsWith(".") ? "" : ".");
}
