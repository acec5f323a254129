import type { RepairOrder } from "../host_operations.ts";
import { waitForDatabase } from "./conclude_job.ts";
import { readTail } from "./followed_file.ts";
import { beginJob, cancelJob, endJob, failJob, type JobContext, type JobControl, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { RepairPlan } from "./package_manager.ts";
import { findRestartNeeds } from "./restart_needs.ts";
import { refused } from "./run_apply.ts";
import { runTransaction, type TransactionEnd } from "./transaction.ts";

/**
 * Finishes what was interrupted: first dpkg configures what is unpacked, then apt completes the dependencies. The
 * second half is simulated before the first one starts and again after it, and refused with names when it would
 * remove or downgrade anything.
 */
export async function runRepair(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: RepairOrder,
): Promise<void> {
  beginJob(context, record, "Looking at the package database");
  if (!await waitForDatabase(context, context.lock_timeout_seconds * 1000)) {
    const { words } = await context.manager.database();
    return void failJob(context, record, { code: "PKG_MANAGER_BUSY", words: words ?? "A package manager is at work." });
  }
  const plan = await context.manager.planRepair();
  if (control.cancelled) return void cancelJob(context, record);
  record.job.changes = plan.changes;
  record.job.packages = namesOf([...plan.unfinished, ...plan.changes]);
  const configure = plan.journal || plan.unfinished.length > 0;
  if (!configure && plan.changes.length === 0 && plan.refused.length === 0) {
    return endJob(context, record, {
      status: "completed",
      message: "Nothing to do: the package database is in order.",
    });
  }
  if (plan.refused.length > 0 && (order.dry_run || !configure)) return void refused(context, record, plan);
  if (order.dry_run) return endJob(context, record, { status: "completed", message: dryWords(plan) });
  if (!configure) return await fix(context, record, control, plan, []);
  const end = await runTransaction(context, record, control, await context.manager.configureCall(), {
    ...{ step: "configure", phase: "install", message: "Configuring what is unpacked" },
  });
  if ("failure" in end) return void failJob(context, record, end.failure);
  await continueRepair(context, record, control, end);
}

/** Everything after the first half has ended, whoever saw it end. */
export async function continueRepair(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  end: TransactionEnd,
): Promise<void> {
  record.job.exit_code = end.exit?.code ?? null;
  const conffiles = end.progress.conffiles_kept;
  // A package manager that was cut off, or whose end nobody saw, may still have dpkg at work.
  if (end.exit === null || end.exit.code === null) await waitForDatabase(context);
  if (record.step === "configure") {
    const plan = await context.manager.planRepair();
    // Refused removals leave the first half done, and are said together with what is still unfinished.
    if (plan.refused.length === 0 && plan.changes.length > 0) {
      record.job.changes = plan.changes;
      record.job.packages = namesOf([...record.job.packages.map((name) => ({ name })), ...plan.changes]);
      return await fix(context, record, control, plan, conffiles);
    }
  }
  await conclude(context, record, end, conffiles);
}

async function fix(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  plan: RepairPlan,
  conffiles: string[],
): Promise<void> {
  control.too_late = false;
  const end = await runTransaction(context, record, control, context.manager.fixCall(record.job.run_id, plan.again), {
    ...{ step: "fix", phase: "download", message: "Completing the dependencies" },
  });
  if ("failure" in end) return void failJob(context, record, end.failure);
  record.job.exit_code = end.exit?.code ?? null;
  if (end.exit?.code === null) await waitForDatabase(context);
  await conclude(context, record, end, [...conffiles, ...end.progress.conffiles_kept]);
}

/** Judged by reading: in order is what has nothing unfinished and nothing to complete. */
async function conclude(
  context: JobContext,
  record: JobRecord,
  end: TransactionEnd,
  conffiles: string[],
): Promise<void> {
  stepJob(context, record, { phase: "verify", message: "Reading the package database again" });
  const [plan, database] = [await context.manager.planRepair(), await context.manager.database()];
  const output = readTail(context.store.outputPath(record), 2 ** 20);
  record.job.conffiles_kept = [...new Set(conffiles)];
  record.job.restart = await findRestartNeeds(context);
  const wanted = { changes: [], targets: [], automatic: [], refused: [], error_code: null };
  const failed = await Promise.all(plan.unfinished.map(async (row) => {
    // The same reading of scripts as for an apply, by a change that cannot be fulfilled.
    const change = { name: row.name, from: null, to: "configured", action: "install" as const };
    const told = (await context.manager.verify({ ...wanted, changes: [change] }, {}, output)).failed[0];
    const error = end.progress.errors[row.name.split(":")[0]];
    return { ...told, reason: `After the repair ${row.words}.${error ? ` ${error}` : ""}`.slice(0, 2000) };
  }));
  record.job.failed_packages = [...failed, ...plan.refused.filter((row) => !failed.some((it) => it.name === row.name))];
  if (failed.length === 0 && plan.refused.length === 0 && plan.changes.length === 0 && database.state === "ok") {
    const count = record.job.packages.length;
    const message = count === 0
      ? "The package database is in order again."
      : `The package database is in order again; ${count} package${count === 1 ? " was" : "s were"} finished.`;
    return endJob(context, record, { status: "completed", message });
  }
  if (end.cancelled) return void cancelJob(context, record, "Cancelled while downloading; nothing more was changed.");
  const refusal = plan.refused[0];
  const explained = refusal && plan.error_code === "DEPENDENCY_CONFLICT" && failed.length === 0
    ? { code: plan.error_code, words: `${refusal.name}: ${refusal.reason} That is not done by a repair.` }
    : context.manager.explain(output, "apply");
  const left = record.job.failed_packages.map((item) => item.name).slice(0, 5).join(", ");
  const message = `Not everything could be repaired${left === "" ? "" : ` (${left})`}. ${explained.words}`;
  endJob(context, record, { status: "failed", error_code: explained.code, error: explained.words, message });
}

function dryWords(plan: RepairPlan): string {
  const parts: string[] = [];
  if (plan.journal) parts.push("finish the change in which dpkg was interrupted");
  if (plan.unfinished.length > 0) parts.push(`configure ${names(plan.unfinished)}`);
  const change = (action: string) => plan.changes.filter((item) => item.action === action && item.from !== item.to);
  const again = plan.changes.filter((item) => item.from === item.to);
  if (again.length > 0) parts.push(`unpack ${names(again)} again`);
  if (change("install").length > 0) parts.push(`install ${names(change("install"))}`);
  if (change("upgrade").length > 0) parts.push(`update ${names(change("upgrade"))}`);
  return `Would ${parts.join(", then ")}.`;
}

function namesOf(list: { name: string }[]): string[] {
  return [...new Set(list.map((item) => item.name))];
}

function names(list: { name: string }[]): string {
  return list.slice(0, 5).map((item) => item.name).join(", ") +
    (list.length > 5 ? ` and ${list.length - 5} more` : "");
}
