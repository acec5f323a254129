import { runApply } from "./run_apply.ts";
import { breakJob, deadlinePassed, type JobContext, type JobControl } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import { runReboot } from "./run_reboot.ts";
import { runRepair } from "./run_repair.ts";
import { runRollback } from "./run_rollback.ts";

/** Runs one job from the queue to its end. Never throws: whatever goes wrong is the job's result. */
export async function runJob(context: JobContext, record: JobRecord, control: JobControl): Promise<void> {
  try {
    if (deadlinePassed(context, record)) return;
    const { order } = record;
    if (order.operation === "apply") await runApply(context, record, control, order);
    else if (order.operation === "repair") await runRepair(context, record, control, order);
    else if (order.operation === "rollback") await runRollback(context, record, control, order);
    else await runReboot(context, record, control, order);
  } catch (error) {
    breakJob(context, record, error);
  }
}
