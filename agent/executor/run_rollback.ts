import type { RollbackOrder } from "../host_operations.ts";
import { OperationError } from "../host_operations.ts";
import { concludeJob, waitForDatabase } from "./conclude_job.ts";
import {
  beginJob,
  cancelJob,
  deadlinePassed,
  endJob,
  failJob,
  type JobContext,
  type JobControl,
  stepJob,
} from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { RollbackPlan } from "./package_manager.ts";
import { refused } from "./run_apply.ts";
import { runTransaction } from "./transaction.ts";

/**
 * The job that an order wants to take back.
 * @throws OperationError JOB_NOT_FOUND, ROLLBACK_NOT_ALLOWED with the reason
 */
export async function checkRollback(
  context: Pick<JobContext, "store" | "manager">,
  order: RollbackOrder,
): Promise<JobRecord> {
  const original = context.store.byJob(order.job_id);
  if (!original) throw new OperationError("JOB_NOT_FOUND", "There is no such job on this host.");
  const words = objection(context, original);
  if (words !== null) throw new OperationError("ROLLBACK_NOT_ALLOWED", words);
  const plan = await planOf(context, original);
  if (plan.refused.length > 0) throw new OperationError("ROLLBACK_NOT_ALLOWED", refusalWords(plan));
  if (plan.changes.length === 0) {
    throw new OperationError("ROLLBACK_NOT_ALLOWED", "Nothing that the job changed is on this host any more.");
  }
  return original;
}

/** Takes a job back in one transaction, planned again right before it starts. */
export async function runRollback(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: RollbackOrder,
): Promise<void> {
  beginJob(context, record, "Planning the rollback");
  const original = context.store.byJob(order.job_id);
  const words = original ? objection(context, original, record) : "The job to take back is gone.";
  if (!original || words !== null) return void failJob(context, record, { code: "PKG_NOT_FOUND", words: words! });
  if (!await waitForDatabase(context, context.lock_timeout_seconds * 1000)) {
    const busy = (await context.manager.database()).words;
    return void failJob(context, record, { code: "PKG_MANAGER_BUSY", words: busy ?? "A package manager is at work." });
  }
  const plan = await planOf(context, original);
  record.plan = { ...plan };
  if (control.cancelled) return void cancelJob(context, record);
  if (plan.refused.length > 0) return void refused(context, record, plan);
  record.job.changes = plan.changes;
  record.job.packages = plan.changes.map((change) => change.name);
  if (order.dry_run || plan.changes.length === 0) {
    return endJob(context, record, { status: "completed", message: dryWords(plan) });
  }
  if (deadlinePassed(context, record)) return;
  stepJob(context, record, {});
  const call = context.manager.rollback.call(record.job.run_id, plan, context.store.place(original));
  const end = await runTransaction(context, record, control, call, {
    ...{ step: "transaction", phase: "download", message: "Starting the package manager" },
  });
  if ("failure" in end) return void failJob(context, record, end.failure);
  control.too_late = true;
  await concludeJob(context, record, control, { ...end, warnings: [] });
}

function planOf(context: Pick<JobContext, "store" | "manager">, original: JobRecord): Promise<RollbackPlan> {
  return context.manager.rollback.plan(
    original.plan?.changes ?? [],
    original.saved?.packages ?? [],
    context.store.place(original),
  );
}

/** Why a job can never be taken back, as far as its record says. @param self the rollback that asks */
function objection(context: Pick<JobContext, "store">, original: JobRecord, self?: JobRecord): string | null {
  const { job, order } = original;
  if (order.operation !== "apply") return `A ${order.operation} cannot be taken back, only updates can.`;
  if (order.dry_run) return "It was a dry run: nothing was changed.";
  if (original.stage !== "ended") return "The job has not ended yet.";
  const other = context.store.records.find((record) =>
    record !== self && record.job.original_job_id === job.job_id && record.stage !== "ended"
  );
  if (other) return `It is being taken back already, by job ${other.job.job_id}.`;
  if (job.rollback.possible && original.saved !== null) return null;
  const missing = job.rollback.missing_versions.slice(0, 20).join(", ");
  return [job.rollback.reason ?? "Its old packages were not saved.", missing && `Missing: ${missing}.`]
    .filter(Boolean).join(" ").slice(0, 4000);
}

function refusalWords(plan: RollbackPlan): string {
  const list = plan.refused.slice(0, 5).map((item) => `${item.name}: ${item.reason}`).join(" ");
  return list + (plan.refused.length > 5 ? ` And ${plan.refused.length - 5} more.` : "");
}

function dryWords(plan: RollbackPlan): string {
  if (plan.changes.length === 0) return "Nothing to do: nothing that the job changed is there any more.";
  const parts = [
    ...(plan.restored.length > 0 ? [`bring ${plan.restored.length} back to the old version`] : []),
    ...(plan.removed.length > 0 ? [`remove ${plan.removed.map((item) => item.name).slice(0, 5).join(", ")}`] : []),
  ];
  return `Would ${parts.join(" and ")} (best effort: maintainer scripts do not run backwards).`;
}
