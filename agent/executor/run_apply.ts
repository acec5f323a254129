import type { ApplyOrder } from "../host_operations.ts";
import { concludeJob, waitForDatabase } from "./conclude_job.ts";
import { readTail } from "./followed_file.ts";
import {
  beginJob,
  breakJob,
  cancelJob,
  deadlinePassed,
  endJob,
  failJob,
  type JobContext,
  type JobControl,
  stepJob,
} from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { Failure, Plan } from "./package_manager.ts";
import { dropUseless, saveOldPackages, tellRollback } from "./save_old_packages.ts";
import { runTransaction, type TransactionEnd } from "./transaction.ts";

/** A dry run looks at an index up to this old; an apply always refreshes. Seconds. */
const DRY_RUN_INDEX_AGE = 600;

/** Installs updates: index, plan, old packages, transaction, judgement by reading. */
export async function runApply(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
): Promise<void> {
  try {
    await install(context, record, control, order);
  } catch (error) {
    breakJob(context, record, error);
  }
  dropUseless(context, record);
}

async function install(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
): Promise<void> {
  beginJob(context, record, "Refreshing the package index");
  const refreshed = await refresh(context, record, control, order);
  if (refreshed === null) return;
  const plan = await makePlan(context, record, control, order);
  if (plan === null) return;
  const warnings = refreshed.warning === null ? [] : [refreshed.warning];
  if (order.dry_run || plan.changes.length === 0) {
    if (plan.changes.length > 0) await tellRollback(context, record, plan);
    const message = plan.changes.length === 0
      ? "Nothing to do: everything is at the wanted version already."
      : planWords(plan);
    return endJob(context, record, { status: "completed", message: [message, ...warnings].join(" ") });
  }
  await saveOldPackages(context, record, plan, control);
  if (control.cancelled) return void cancelJob(context, record);
  if (deadlinePassed(context, record)) return;
  const end = await transact(context, record, control, order, plan, warnings);
  if (end === null) return;
  control.too_late = true;
  await concludeJob(context, record, control, { ...end, warnings });
}

/**
 * A dead repository must not block patching: with an index from before, the job goes on and says so. The exceptions
 * are conditions under which the transaction itself would fail too, only later and with less clear words.
 */
async function refresh(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
): Promise<{ warning: string | null } | null> {
  const onStart = (process: NonNullable<JobControl["refresh"]>) => control.refresh = process;
  const failure = order.dry_run
    ? await context.index.ensure(DRY_RUN_INDEX_AGE, onStart)
    : await context.index.refresh(onStart);
  control.refresh = null;
  if (control.cancelled) return cancelJob(context, record);
  if (failure === null) return { warning: null };
  const blocking = ["DISK_FULL", "PERMISSION_DENIED", "PKG_MANAGER_BUSY"].includes(failure.code);
  if (blocking || await context.manager.indexTime() === null) return failJob(context, record, failure);
  return { warning: `The package index is not the newest: ${failure.words}` };
}

/** The plan of this moment, kept with the job; null when the job has ended here. */
async function makePlan(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
): Promise<Plan | null> {
  stepJob(context, record, { message: "Planning" });
  const plan = await context.manager.plan(order);
  record.plan = plan;
  if (control.cancelled) return cancelJob(context, record);
  if (plan.refused.length > 0) return refused(context, record, plan);
  record.job.changes = plan.changes;
  record.job.packages = plan.changes.map((change) => change.name);
  return plan;
}

/** Ends a job whose plan must not be started. */
export function refused(
  context: JobContext,
  record: JobRecord,
  plan: Pick<Plan, "refused" | "error_code">,
): null {
  record.job.failed_packages = plan.refused;
  const [first] = plan.refused;
  const words = `Nothing was changed. ${first.name}: ${first.reason}` +
    (plan.refused.length > 1 ? ` (and ${plan.refused.length - 1} more)` : "");
  return failJob(context, record, { code: plan.error_code ?? "PKG_MANAGER_ERROR", words });
}

/** The transaction, once more after a newer index when the mirror had moved on; null when the job has ended here. */
async function transact(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
  first: Plan,
  warnings: string[],
): Promise<TransactionEnd | null> {
  let plan = first;
  for (;;) {
    if (!await isStillThePlan(context, record, control, order, plan)) return null;
    const end = await runTransaction(context, record, control, context.manager.applyCall(record.job.run_id, plan), {
      ...{ step: "transaction", phase: "download", message: "Starting the package manager" },
    });
    if ("failure" in end) return failJob(context, record, end.failure);
    if (record.retried || control.cancelled || control.too_late || !movedOn(context, record, end)) return end;
    record.retried = true;
    // dpkg was not called, so this may begin again like a job that waits.
    record.stage = "waiting";
    const failure = await newerIndex(context, record, control);
    if (control.cancelled) return cancelJob(context, record, "Cancelled while downloading; nothing was changed.");
    if (failure !== null) {
      warnings.push(`The mirror had moved on, and the index could not be refreshed: ${failure.words}`);
      record.stage = "started";
      return end;
    }
    const again = await makePlan(context, record, control, order);
    if (again === null) return null;
    if (again.changes.length === 0) {
      endJob(context, record, { status: "completed", message: "Nothing to do any more: the mirror had moved on." });
      return null;
    }
    await saveOldPackages(context, record, again, control);
    if (control.cancelled) return cancelJob(context, record, "Cancelled while downloading; nothing was changed.");
    warnings.push("The mirror had moved on; the index was refreshed, planned again and tried once more.");
    plan = again;
  }
}

/**
 * Planned once more right before the start: old packages were saved meanwhile, which takes its time, and somebody else
 * may have changed the host. What is not the plan that was kept does not start. False when the job has ended here.
 */
async function isStillThePlan(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: ApplyOrder,
  plan: Plan,
): Promise<boolean> {
  // apt would wait for the lock itself, and only then look at what is installed.
  await waitForDatabase(context, context.lock_timeout_seconds * 1000);
  const now = await context.manager.plan(order);
  if (control.cancelled) cancelJob(context, record);
  else if (now.refused.length > 0) refused(context, record, now);
  else if (wordsOf(now) !== wordsOf(plan)) {
    const words = "Nothing was changed. This host changed while the job was prepared, and the same order would do " +
      "something else now. Look at it again and approve it.";
    failJob(context, record, { code: "DEPENDENCY_CONFLICT", words });
  } else return true;
  return false;
}

function wordsOf({ changes }: Plan): string {
  return changes.map(({ name, from, to, action }) => `${name} ${from} ${to} ${action}`).sort().join("\n");
}

/** Before dpkg began, a file that is gone from the mirror is worth one newer index. */
function movedOn(context: JobContext, record: JobRecord, end: TransactionEnd): boolean {
  if (end.progress.phase === "install" || end.exit === null || end.exit.code === 0) return false;
  return context.manager.isIndexOutdated(readTail(context.store.outputPath(record), 2 ** 18));
}

async function newerIndex(context: JobContext, record: JobRecord, control: JobControl): Promise<Failure | null> {
  stepJob(context, record, { phase: "download", message: "The mirror has moved on; refreshing the package index" });
  const failure = await context.index.refresh((process) => control.refresh = process);
  control.refresh = null;
  return failure;
}

function planWords(plan: Plan): string {
  const fresh = plan.changes.filter((change) => change.action === "install").length;
  const updates = plan.changes.length - fresh;
  return `Would update ${updates} package${updates === 1 ? "" : "s"}` + (fresh > 0 ? ` and install ${fresh} new` : "") +
    ".";
}
