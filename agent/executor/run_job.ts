import { epochMs, rfc3339 } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import { concludeJob } from "./conclude_job.ts";
import { followTransaction } from "./follow_transaction.ts";
import { endJob, type JobContext, type JobControl, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_store.ts";
import type { Failure, Plan } from "./package_manager.ts";
import { startDetached } from "./process.ts";

/** A dry run looks at an index up to this old; an apply always refreshes. Seconds. */
const DRY_RUN_INDEX_AGE = 600;

/** Runs one job from the queue to its end. Never throws: whatever goes wrong is the job's result. */
export async function runJob(context: JobContext, record: JobRecord, control: JobControl): Promise<void> {
  try {
    const plan = await prepare(context, record, control);
    if (plan !== null) await apply(context, record, control, plan);
  } catch (error) {
    const words = reason(error);
    context.log.error("job.broke", { job_id: record.job.job_id, message: words });
    endJob(context, record, { status: "failed", error_code: "UNKNOWN_ERROR", error: words, message: words });
  }
}

/** Everything before the point of no return; null when the job has ended here. */
async function prepare(context: JobContext, record: JobRecord, control: JobControl): Promise<Plan | null> {
  const { order } = record;
  if (order.operation !== "apply") throw new TypeError(`not an apply: ${order.operation}`);
  if (deadlinePassed(context, record)) return null;
  const started_at = rfc3339(context.clock.now());
  stepJob(context, record, {
    ...{ status: "running", phase: "refresh", started_at },
    message: "Refreshing the package index",
  });
  const onStart = (process: NonNullable<JobControl["refresh"]>) => control.refresh = process;
  const failure = order.dry_run
    ? await context.index.ensure(DRY_RUN_INDEX_AGE, onStart)
    : await context.index.refresh(onStart);
  control.refresh = null;
  if (control.cancelled) return cancelled(context, record);
  if (failure !== null) return failed(context, record, failure);
  stepJob(context, record, { phase: "refresh", message: "Planning" });
  const plan = await context.manager.plan(order);
  record.plan = plan;
  if (control.cancelled) return cancelled(context, record);
  if (plan.refused.length > 0) {
    record.job.failed_packages = plan.refused;
    const [first] = plan.refused;
    const words = `Nothing was changed. ${first.name}: ${first.reason}` +
      (plan.refused.length > 1 ? ` (and ${plan.refused.length - 1} more)` : "");
    return failed(context, record, { code: plan.error_code ?? "PKG_MANAGER_ERROR", words });
  }
  record.job.changes = plan.changes;
  record.job.packages = plan.changes.map((change) => change.name);
  if (order.dry_run || plan.changes.length === 0) {
    const message = plan.changes.length === 0
      ? "Nothing to do: everything is at the wanted version already."
      : words(plan);
    endJob(context, record, { status: "completed", message });
    return null;
  }
  return deadlinePassed(context, record) ? null : plan;
}

async function apply(context: JobContext, record: JobRecord, control: JobControl, plan: Plan): Promise<void> {
  const { store, manager } = context;
  // On disk before the program starts: a crash from here on is judged by reading, never by starting again.
  record.stage = "starting";
  stepJob(context, record, { phase: "download", message: "Starting the package manager" }, { durable: true });
  const call = manager.applyCall(record.job.run_id, plan);
  let transaction;
  try {
    transaction = await startDetached(call, store.outputPath(record), store.statusPath(record));
  } catch (error) {
    return void failed(context, record, { code: "COMMAND_NOT_FOUND", words: `${call.program}: ${reason(error)}` });
  }
  control.transaction = transaction;
  record.stage = "started";
  record.pid = transaction.pid;
  let ended = false;
  const end = transaction.ended.finally(() => ended = true);
  // A full disk must not make us look away while packages change: the record can wait, the process cannot.
  try {
    store.save(record, true);
  } catch (error) {
    context.log.error("job.not_saved", { job_id: record.job.job_id, message: reason(error) });
  }
  const progress = await followTransaction(context, record, {
    ended: () => Promise.resolve(ended),
    wake: end,
    onInstall: () => control.too_late = true,
  });
  const exit = await end;
  control.too_late = true;
  await concludeJob(context, record, { progress, exit, cancelled: control.cancelled });
}

function deadlinePassed(context: JobContext, record: JobRecord): boolean {
  const { deadline_ms } = record.order;
  if (deadline_ms === null || epochMs(context.clock) <= deadline_ms) return false;
  failed(context, record, { code: "TIMEOUT", words: "The deadline passed before anything was started." });
  return true;
}

function failed(context: JobContext, record: JobRecord, failure: Failure): null {
  const { code, words } = failure;
  endJob(context, record, { status: "failed", error_code: code, error: words, message: words });
  return null;
}

function cancelled(context: JobContext, record: JobRecord): null {
  const message = "Cancelled before anything was changed.";
  endJob(context, record, { status: "cancelled", error_code: "CANCELLED", error: message, message });
  return null;
}

function words(plan: Plan): string {
  const fresh = plan.changes.filter((change) => change.action === "install").length;
  const updates = plan.changes.length - fresh;
  return `Would update ${updates} package${updates === 1 ? "" : "s"}` + (fresh > 0 ? ` and install ${fresh} new` : "") +
    ".";
}
