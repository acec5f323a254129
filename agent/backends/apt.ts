import type { PackageManager } from "../executor/package_manager.ts";
import { applyArguments, fixArguments, refreshArguments, rollbackArguments } from "./apt/arguments.ts";
import { aptCall, programs, read } from "./apt/command.ts";
import { createChangelogSource } from "./apt/changelog.ts";
import { createDatabaseReader } from "./apt/database_state.ts";
import { readExclusions } from "./apt/exclusions.ts";
import { explainFailure } from "./apt/failures.ts";
import { countTransactions, mentionsRun } from "./apt/history.ts";
import { readIndexTime } from "./apt/index_time.ts";
import { addInstallDates, createInstallDates } from "./apt/install_dates.ts";
import { readInstalled } from "./apt/installed.ts";
import { readListing } from "./apt/listing.ts";
import { makePlan } from "./apt/plan.ts";
import { readReboot } from "./apt/reboot.ts";
import { configureCall, planRepair } from "./apt/repair.ts";
import { planRollback, rollbackParts } from "./apt/rollback.ts";
import { findOldVersions, saveOldVersions } from "./apt/rollback_save.ts";
import { createStatusReader } from "./apt/status_stream.ts";
import { verifyPlan } from "./apt/verify.ts";

export interface AptOptions {
  /** Absolute path of a system below a folder; null for the machine itself. */
  root: string | null;
  /** How long apt waits for another package manager. Seconds, default 120. */
  lock_timeout_seconds?: number;
}

/** apt and dpkg of Debian, Ubuntu and their relatives. */
export function createApt(options: AptOptions): PackageManager {
  const { root, lock_timeout_seconds = 120 } = options;
  /** The running kernel; below a root it is not the managed system's. */
  const running = () => root === null ? Deno.osRelease() : null;
  const installDates = createInstallDates(root);
  let architecture: Promise<string> | null = null;
  const native = () =>
    architecture ??= read(aptCall(root, programs.dpkg, ["--print-architecture"])).then((answer) =>
      answer.stdout.trim()
    );
  return {
    name: "apt",
    changelogs: createChangelogSource(root),
    async version() {
      const { stdout } = await read(aptCall(root, programs.apt_get, ["--version"]));
      return /^apt (\S+)/.exec(stdout)?.[1] ?? null;
    },
    installedNames: async () => new Set((await readInstalled(root, await native())).map((row) => row.key)),
    async listing() {
      const found = await readListing(root, await native());
      return { ...found, installed: addInstallDates(found.installed, await installDates()) };
    },
    database: createDatabaseReader(root),
    policyProblem: async () => (await readExclusions(root)).problem,
    refreshCall: () => aptCall(root, programs.apt_get, refreshArguments),
    indexTime: () => readIndexTime(root),
    plan: async (choice) => await makePlan(root, await native(), choice),
    applyCall: (run_id, plan) =>
      aptCall(root, programs.apt_get, applyArguments(run_id, plan.targets, lock_timeout_seconds)),
    isApplyOf: (run_id, command_line) => mentionsRun(command_line, run_id),
    progressReader: createStatusReader,
    explain: explainFailure,
    isIndexOutdated: (output) => /Failed to fetch \S+\s+(?:404|File not found|Failed to stat)/.test(output),
    verify: async (plan, errors, output) => await verifyPlan(root, await native(), plan, errors, output),
    async restoreMarks(plan) {
      if (plan.automatic.length === 0) return;
      const answer = await read(aptCall(root, programs.apt_mark, ["auto", ...plan.automatic]));
      if (answer.code !== 0) throw new Error(`apt-mark could not restore marks: ${answer.stderr.trim()}`);
    },
    transactionsOf: (run_id) => countTransactions(root, run_id),
    async reboot() {
      return await readReboot(root, await readInstalled(root, await native()), root === null ? Deno.osRelease() : null);
    },
    planRepair: async () => await planRepair(root, await native()),
    configureCall: () => configureCall(root),
    fixCall: (run_id, again) => aptCall(root, programs.apt_get, fixArguments(run_id, again, lock_timeout_seconds)),
    rollback: {
      oldVersions: async (plan) => await findOldVersions(root, await native(), running(), plan),
      save: (versions, place, signal) => saveOldVersions(root, versions, place, signal),
      plan: async (changes, saved, place) => await planRollback(root, await native(), running(), changes, saved, place),
      call: (run_id, plan, place) =>
        aptCall(
          root,
          programs.apt_get,
          rollbackArguments(run_id, ...rollbackParts(plan, place), lock_timeout_seconds),
        ),
    },
  };
}
