import { reason } from "../../core/errors.ts";
import { readTail } from "./followed_file.ts";
import { endJob, type JobContext, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_store.ts";
import type { Failure, TransactionProgress, Verification } from "./package_manager.ts";

/** How a transaction ended, as far as that is known. */
export interface TransactionEnd {
  progress: TransactionProgress;
  /** Null when the executor was away: nobody else can learn an exit code. */
  exit: { code: number | null; signal: string | null } | null;
  cancelled: boolean;
}

/** A package manager that lost its front end may work on for a while. Milliseconds. */
const LOCK_WAIT_MS = 1_800_000;

/**
 * Judges a transaction by reading the package database again and comparing; the exit code is shown, never
 * believed. Everything at the wanted version is a success, whatever apt said; anything else is a failure with the
 * reason per package.
 */
export async function concludeJob(context: JobContext, record: JobRecord, end: TransactionEnd): Promise<void> {
  const plan = record.plan!;
  stepJob(context, record, { phase: "verify", message: "Reading the package database again" });
  // A front end that was killed leaves dpkg at work: wait for its lock before judging.
  if (end.exit === null || end.exit.code === null) await waitForDatabase(context);
  const warnings: string[] = [];
  try {
    await context.manager.restoreMarks(plan);
  } catch (error) {
    warnings.push(reason(error));
  }
  const verified = await context.manager.verify(plan, end.progress.errors);
  const output = readTail(context.store.outputPath(record), 2 ** 18);
  const exit_code = end.exit?.code ?? null;
  record.job.failed_packages = verified.failed;
  record.job.conffiles_kept = end.progress.conffiles_kept;
  if (verified.failed.length === 0) {
    if (
      record.order.operation === "apply" && record.order.reboot !== "never" && (await context.manager.reboot()).required
    ) {
      // Asked for and not done has to be said; the page shows the pending restart besides.
      warnings.push("The host needs a restart, which this version of the agent leaves to you.");
    }
    if (exit_code !== null && exit_code !== 0) {
      warnings.push(`apt ended with ${exit_code} all the same: ${context.manager.explain(output, "apply").words}`);
    }
    const count = plan.changes.length;
    const message = [`${count} package${count === 1 ? "" : "s"} at the wanted version.`, ...warnings].join(" ");
    return endJob(context, record, { status: "completed", exit_code, message });
  }
  if (end.cancelled && verified.done.length === 0) {
    const message = "Cancelled while downloading; nothing was changed.";
    return endJob(context, record, {
      status: "cancelled",
      exit_code,
      error_code: "CANCELLED",
      error: message,
      message,
    });
  }
  const begun = verified.done.length > 0 || await context.manager.transactionsOf(record.job.run_id) > 0;
  const failure = await explainEnd(context, end, output);
  const message = [summary(verified, begun), failure.words, ...warnings].join(" ");
  endJob(context, record, { status: "failed", exit_code, error_code: failure.code, error: failure.words, message });
}

/** Why it failed. Who was killed says nothing, so the signal and what it left are all there is. */
async function explainEnd(context: JobContext, end: TransactionEnd, output: string): Promise<Failure> {
  if (end.exit === null && output.trim() === "") {
    return { code: "UNKNOWN_ERROR", words: "The executor was stopped while it started the package manager." };
  }
  const signal = end.exit?.signal;
  if (!signal) return context.manager.explain(output, "apply");
  const { words } = await context.manager.database();
  return {
    code: "PKG_MANAGER_ERROR",
    words: [`The package manager was killed in the middle of its work (${signal}).`, words ?? ""].join(" ").trim(),
  };
}

function summary(verified: Verification, begun: boolean): string {
  if (!begun) return "Nothing was changed.";
  const all = verified.done.length + verified.failed.length;
  return `${verified.done.length} of ${all} packages are at the wanted version.`;
}

/** Waits until no package manager holds the database's lock, at most half an hour. */
export async function waitForDatabase(context: JobContext): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < LOCK_WAIT_MS) {
    if ((await context.manager.database()).state !== "locked") return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
