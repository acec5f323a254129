import { reason } from "../../core/errors.ts";
import { readTail } from "./followed_file.ts";
import { cancelJob, endJob, type JobContext, type JobControl, stepJob, tellNothingChanged } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { Failure, Verification } from "./package_manager.ts";
import { findRestartNeeds } from "./restart_needs.ts";
import { restartAfter } from "./run_reboot.ts";
import { dropSaved } from "./save_old_packages.ts";
import type { TransactionEnd } from "./transaction.ts";

/** A package manager that lost its front end may work on for a while. Milliseconds. */
const LOCK_WAIT_MS = 1_800_000;
/** What is read of the output to explain an end. Bytes. */
const OUTPUT_BYTES = 2 ** 20;

/**
 * Judges a transaction by reading the package database again and comparing; the exit code is shown, never
 * believed. Everything at the wanted version is a success, whatever apt said; anything else is a failure with the
 * reason per package.
 */
export async function concludeJob(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  end: TransactionEnd & { warnings: string[] },
): Promise<void> {
  const plan = record.plan!;
  stepJob(context, record, { phase: "verify", message: "Reading the package database again" });
  // A front end that was killed leaves dpkg at work: wait for its lock before judging.
  if (end.exit === null || end.exit.code === null) await waitForDatabase(context);
  const warnings: string[] = [...end.warnings];
  try {
    await context.manager.restoreMarks(plan);
  } catch (error) {
    warnings.push(reason(error));
  }
  const output = readTail(context.store.outputPath(record), OUTPUT_BYTES);
  const verified = await context.manager.verify(plan, end.progress.errors, output);
  const exit_code = end.exit?.code ?? null;
  record.job.failed_packages = verified.failed;
  record.job.conffiles_kept = end.progress.conffiles_kept;
  const begun = verified.done.length > 0 || await context.manager.transactionsOf(record.job.run_id) > 0;
  if (begun) record.job.restart = await findRestartNeeds(context);
  if (verified.failed.length === 0) {
    if (exit_code !== null && exit_code !== 0) {
      warnings.push(`apt ended with ${exit_code} all the same: ${context.manager.explain(output, "apply").words}`);
    }
    const message = [doneWords(record, plan.changes.length), ...warnings].join(" ");
    forgetTakenBack(context, record);
    if (await restartAfter(context, record, control, message, exit_code)) return;
    return endJob(context, record, { status: "completed", exit_code, message });
  }
  if (!begun) tellNothingChanged(record);
  if (end.cancelled && !begun) {
    record.job.exit_code = exit_code;
    return void cancelJob(context, record, "Cancelled while downloading; nothing was changed.");
  }
  const failure = await explainEnd(context, end, output);
  const message = [summary(verified, begun), failure.words, ...warnings].join(" ");
  endJob(context, record, { status: "failed", exit_code, error_code: failure.code, error: failure.words, message });
}

function doneWords(record: JobRecord, count: number): string {
  const packages = `${count} package${count === 1 ? "" : "s"}`;
  if (record.order.operation !== "rollback") return `${packages} at the wanted version.`;
  return `${packages} taken back, as far as that goes: maintainer scripts do not run backwards, so converted data ` +
    "and changed settings stay as they are (best effort).";
}

/** A job that was taken back cannot be taken back again, and its old packages are in use now. */
function forgetTakenBack(context: JobContext, record: JobRecord): void {
  if (record.order.operation !== "rollback") return;
  const original = context.store.byJob(record.order.job_id);
  if (original) dropSaved(context, original, `It was taken back already, by job ${record.job.job_id}.`);
}

/** Why it failed. Who was killed says nothing, so the signal and what it left are all there is. */
async function explainEnd(context: JobContext, end: TransactionEnd, output: string): Promise<Failure> {
  if (end.exit === null && output.trim() === "") {
    return { code: "UNKNOWN_ERROR", words: "The executor was stopped while it started the package manager." };
  }
  if (end.exit?.code === 0) {
    const words =
      "apt ended as if all were well and did not do it. See whether this host's apt configuration forbids " +
      "it (APT::Get::Simulate, APT::Get::Download-Only).";
    return { code: "PKG_MANAGER_ERROR", words };
  }
  const signal = end.exit?.signal;
  const { state, words } = await context.manager.database();
  const cut_off = signal || (end.exit === null && state === "interrupted");
  if (!cut_off) return context.manager.explain(output, "apply");
  const how = signal ? ` (${signal})` : "";
  return {
    code: "PKG_MANAGER_ERROR",
    words: [`The package manager was cut off in the middle of its work${how}.`, words ?? ""].join(" ").trim(),
  };
}

function summary(verified: Verification, begun: boolean): string {
  if (!begun) return "Nothing was changed.";
  const all = verified.done.length + verified.failed.length;
  return `${verified.done.length} of ${all} packages are at the wanted version.`;
}

/** Waits until no package manager holds the database's lock. False when it still does after that. Milliseconds. */
export async function waitForDatabase(
  context: Pick<JobContext, "manager">,
  limit_ms = LOCK_WAIT_MS,
): Promise<boolean> {
  const start = performance.now();
  for (;;) {
    if ((await context.manager.database()).state !== "locked") return true;
    if (performance.now() - start >= limit_ms) return false;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
