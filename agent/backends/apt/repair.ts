import type { ProgramCall, RepairPlan } from "../../executor/package_manager.ts";
import { configureArguments, fixSimulation } from "./arguments.ts";
import { aptCall, hostPath, programs, read } from "./command.ts";
import { readExclusions } from "./exclusions.ts";
import { explainFailure } from "./failures.ts";
import { type InstalledRow, isConfigured, readInstalled, stateWords } from "./installed.ts";
import { parsePolicy } from "./policy.ts";
import { readUnsigned } from "./signatures.ts";
import { parseSimulation } from "./simulation.ts";
import { unwelcome } from "./updates.ts";
import { dpkgState } from "./verify.ts";

/**
 * What is unfinished on this host and what completing it would change. Takes no lock: apt simulates also beside an
 * interrupted dpkg, with the database as it was before the interrupted change.
 */
export async function planRepair(root: string | null, native: string): Promise<RepairPlan> {
  const [rows, journal] = await Promise.all([readInstalled(root, native), hasJournal(root)]);
  const plan: RepairPlan = { journal, unfinished: [], again: [], changes: [], refused: [], error_code: null };
  await findAgain(root, native, rows, plan);
  const simulation = await read(aptCall(root, programs.apt_get, fixSimulation(plan.again)));
  for (const row of rows) {
    if (!isConfigured(row)) plan.unfinished.push({ name: row.key, state: dpkgState(row), words: stateWords(row) });
  }
  if (simulation.code !== 0) {
    const { code, words } = explainFailure(simulation.stderr + simulation.stdout, "apply");
    const names = plan.unfinished.length > 0 ? plan.unfinished.map((row) => row.name) : ["dpkg"];
    return { ...plan, refused: names.map((name) => ({ name, reason: words })), error_code: code };
  }
  plan.changes = parseSimulation(simulation.stdout);
  for (const change of plan.changes) {
    if (change.action === "remove") plan.refused.push({ name: change.name, reason: "It would be removed." });
    if (change.action === "downgrade") {
      plan.refused.push({ name: change.name, reason: `It would be downgraded to ${change.to}.` });
    }
  }
  // Finishing what is there is one thing; a newer version of what the administrator excluded is another.
  const newer = plan.changes.filter((change) => change.to !== null && change.from !== change.to);
  if (newer.length > 0) {
    const [exclusions, unsigned] = await Promise.all([readExclusions(root), readUnsigned(root)]);
    for (const { name } of exclusions.problem === null ? [] : newer) {
      plan.refused.push({ name, reason: exclusions.problem! });
    }
    for (const [name, { reason }] of await unwelcome(root, { exclusions, unsigned, native }, newer)) {
      plan.refused.push({ name, reason });
    }
  }
  if (plan.refused.length > 0) plan.error_code ??= "DEPENDENCY_CONFLICT";
  return plan;
}

/**
 * Packages in pieces: cut off while their files were replaced, so that only unpacking helps. In the version that
 * dpkg has on record where a repository still has it, in the candidate's otherwise.
 */
async function findAgain(root: string | null, native: string, rows: InstalledRow[], plan: RepairPlan): Promise<void> {
  const pieces = rows.filter((row) => row.abbreviation[1] === "H" || row.abbreviation[2] === "R");
  if (pieces.length === 0) return;
  const answer = await read(aptCall(root, programs.apt_cache, ["policy", ...pieces.map((row) => row.key)]));
  const table = parsePolicy(answer.stdout);
  for (const row of pieces) {
    const offered = (table.get(row.key)?.versions ?? []).filter((item) => item.suites.length > 0)
      .map((item) => item.version);
    const candidate = table.get(row.key)?.candidate ?? "";
    const version = [row.version, candidate].find((wanted) => offered.includes(wanted));
    if (version !== undefined) {
      plan.again.push({ name: row.name, arch: row.arch === "all" ? native : row.arch, version });
      continue;
    }
    const reason = `It has to be unpacked again, and no repository has its version ${row.version} any more.`;
    plan.refused.push({ name: row.key, reason });
    plan.error_code = "PKG_NOT_FOUND";
  }
}

/**
 * `dpkg --configure -a` as apt would call dpkg here: with the options that apt's configuration gives it, so that
 * an administrator's own ones count and a managed system below a folder is the one that is repaired.
 */
export async function configureCall(root: string | null): Promise<ProgramCall> {
  const answer = await read(
    aptCall(root, programs.apt_config, ["dump", "--no-empty", "--format", "%v%n", "DPkg::Options"]),
  );
  if (answer.code !== 0) throw new Error(`apt-config cannot be asked: ${answer.stderr.trim()}`);
  const options = answer.stdout.split("\n").filter(Boolean);
  const strange = options.find((option) => !option.startsWith("--"));
  if (strange !== undefined) {
    throw new Error(`apt's DPkg::Options has a word that is not an option: ${JSON.stringify(strange)}`);
  }
  return aptCall(root, programs.dpkg, configureArguments(options));
}

/** True when dpkg left changes of its database that it could not fold in. */
async function hasJournal(root: string | null): Promise<boolean> {
  try {
    for await (const entry of Deno.readDir(hostPath(root, "/var/lib/dpkg/updates"))) {
      if (/^\d+$/.test(entry.name)) return true;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
