import { reason } from "../../core/errors.ts";
import { concludeJob } from "./conclude_job.ts";
import { followTransaction } from "./follow_transaction.ts";
import { endJob, type JobContext } from "./job_context.ts";
import type { JobRecord } from "./job_store.ts";
import { continueProcess, listProcesses } from "./process.ts";

/**
 * Takes up a job whose package manager may have been started by an executor that is gone. It is found in the
 * process list by the run id in its arguments, which no reused process id can carry; it is never started again.
 * The exit code of somebody else's child cannot be learned, so the end is judged by reading.
 */
export async function reattachJob(context: JobContext, record: JobRecord): Promise<void> {
  try {
    const { job_id, run_id } = record.job;
    context.log.info("job.reattached", { job_id, run_id });
    for (const pid of await processesOf(context, run_id)) await continueProcess(pid);
    const progress = await followTransaction(context, record, {
      ended: async () => (await processesOf(context, run_id)).length === 0,
      onInstall: () => {},
    });
    await concludeJob(context, record, { progress, exit: null, cancelled: false });
  } catch (error) {
    const words = reason(error);
    context.log.error("job.broke", { job_id: record.job.job_id, message: words });
    endJob(context, record, { status: "failed", error_code: "UNKNOWN_ERROR", error: words, message: words });
  }
}

/** Without ps the process cannot be seen; the caller then waits for the database's lock. */
async function processesOf(context: JobContext, run_id: string): Promise<number[]> {
  const processes = await listProcesses() ?? [];
  return processes.filter((row) => context.manager.isApplyOf(run_id, row.command_line)).map((row) => row.pid);
}
