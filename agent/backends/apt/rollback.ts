import type { PackageChange } from "../../../protocol/api.ts";
import type { OldPackage, RollbackPlan, SavedPlace } from "../../executor/package_manager.ts";
import { rollbackSimulation, type SavedArchive, type Target } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { explainFailure } from "./failures.ts";
import { type InstalledRow, isHeld, readInstalled } from "./installed.ts";
import { isKernelPackage, isPackage, savedPath } from "./rollback_save.ts";
import { parseSimulation } from "./simulation.ts";

/**
 * What taking a job back would do now. Refused unless apt's simulation restores and removes exactly what the job
 * had changed and nothing else; packages that the job did not get to are left alone.
 */
export async function planRollback(
  root: string | null,
  native: string,
  running: string | null,
  changes: PackageChange[],
  saved: OldPackage[],
  place: SavedPlace,
): Promise<RollbackPlan> {
  const plan: RollbackPlan = {
    ...{ targets: [], changes: [], automatic: [], refused: [], error_code: null },
    ...{ restored: [], removed: [] },
  };
  const rows = new Map((await readInstalled(root, native)).map((row) => [row.key, row]));
  for (const change of changes) {
    const words = isKernelPackage(change.name, running)
      ? "A kernel is not taken back. Choose the older one in the boot menu."
      : await take(plan, change, rows.get(change.name), native, saved, place);
    if (words !== null) plan.refused.push({ name: change.name, reason: words.slice(0, 2000) });
  }
  if (plan.refused.length > 0) return { ...plan, error_code: "DEPENDENCY_CONFLICT" };
  if (plan.restored.length + plan.removed.length === 0) return plan;
  const simulation = await read(
    aptCall(root, programs.apt_get, rollbackSimulation(...rollbackParts(plan, place))),
  );
  if (simulation.code !== 0) {
    const { code, words } = explainFailure(simulation.stderr + simulation.stdout, "apply");
    const names = [...plan.restored, ...plan.removed].map((item) => item.name);
    return { ...plan, refused: names.map((name) => ({ name, reason: words })), error_code: code };
  }
  plan.changes = parseSimulation(simulation.stdout);
  compare(plan);
  const marks = await read(aptCall(root, programs.apt_mark, ["showauto", ...plan.restored.map((old) => old.name)]));
  const automatic = new Set(marks.stdout.split("\n").filter(Boolean));
  plan.automatic = plan.restored.map((old) => old.name).filter((name) => automatic.has(name));
  return plan;
}

/** The argument parts of what is restored and of what is removed. */
export function rollbackParts(plan: RollbackPlan, place: SavedPlace): [SavedArchive[], Omit<Target, "version">[]] {
  const plain = (key: string) => key.split(":")[0];
  return [
    plan.restored.map((old) => ({ ...place, name: plain(old.name), arch: old.arch })),
    plan.removed.map(({ name, arch }) => ({ name: plain(name), arch })),
  ];
}

/** Puts one change of the job into the plan; answers why not, in words. */
async function take(
  plan: RollbackPlan,
  change: PackageChange,
  row: InstalledRow | undefined,
  native: string,
  saved: OldPackage[],
  place: SavedPlace,
): Promise<string | null> {
  const arch = change.name.split(":")[1] ?? native;
  if (change.from === null) {
    // Gone, or somebody's own by now: both are left as they are.
    if (row?.version === change.to) plan.removed.push({ name: change.name, arch });
    return null;
  }
  if (row?.version === change.from) return null;
  if (row === undefined) return `It is not installed any more; the job had installed ${change.to}.`;
  if (row.version !== change.to) {
    return `Installed is ${row.version}, which is no longer what the job installed (${change.to}).`;
  }
  if (isHeld(row)) return "It is on hold on this host.";
  const old = saved.find((item) => item.name === change.name && item.version === change.from);
  if (old === undefined || !await isPackage(savedPath(place, old), old)) {
    return `The old version ${change.from} is not saved any more.`;
  }
  plan.restored.push(old);
  return null;
}

/** Everything that apt would do beyond or short of what was asked, refused by name. */
function compare(plan: RollbackPlan): void {
  const wanted = new Map<string, string | null>([
    ...plan.restored.map((old) => [old.name, old.version] as const),
    ...plan.removed.map((item) => [item.name, null] as const),
  ]);
  const refuse = (name: string, reason: string) => plan.refused.push({ name, reason });
  for (const change of plan.changes) {
    const version = wanted.get(change.name);
    if (version === undefined) {
      refuse(change.name, `It would be changed too (${change.action}), which is no part of it.`);
    } else if (version !== change.to) refuse(change.name, `It would become ${change.to ?? "removed"}.`);
    wanted.delete(change.name);
  }
  for (const [name, version] of wanted) refuse(name, `apt would not bring it to ${version ?? "removal"}.`);
  if (plan.refused.length > 0) plan.error_code = "DEPENDENCY_CONFLICT";
}
