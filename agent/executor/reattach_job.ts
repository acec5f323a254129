import { concludeJob } from "./conclude_job.ts";
import { followTransaction } from "./follow_transaction.ts";
import { breakJob, type JobContext, type JobControl } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import { continueProcess, listProcesses } from "./process.ts";
import { watchReboot } from "./run_reboot.ts";
import { continueRepair } from "./run_repair.ts";
import { dropUseless } from "./save_old_packages.ts";

/**
 * Takes up a job whose package manager may have been started by an executor that is gone. It is found in the
 * process list by the run id in its arguments, which no reused process id can carry; it is never started again.
 * The exit code of somebody else's child cannot be learned, so the end is judged by reading.
 */
export async function reattachJob(context: JobContext, record: JobRecord, control: JobControl): Promise<void> {
  try {
    const { job_id, run_id } = record.job;
    context.log.info("job.reattached", { job_id, run_id });
    if (record.stage === "rebooting") return await watchReboot(context, record, control);
    for (const pid of await processesOf(context, record)) await continueProcess(pid);
    const progress = await followTransaction(context, record, {
      ended: async () => (await processesOf(context, record)).length === 0,
      onInstall: () => {},
    });
    const end = { progress, exit: null, cancelled: false };
    if (record.order.operation === "repair") await continueRepair(context, record, control, end);
    else await concludeJob(context, record, control, { ...end, warnings: [] });
    dropUseless(context, record);
  } catch (error) {
    breakJob(context, record, error);
  }
}

/**
 * Only processes of our own user: everybody on the host can read a run id in the process list and give a process of
 * his own the same command line, and the job would never end. dpkg by itself has no argument that could carry a mark, so there the whole command line counts; dpkg's lock lets
 * only one of them work. Without ps no process can be seen; the caller then waits for the database's lock.
 */
async function processesOf(context: JobContext, record: JobRecord): Promise<number[]> {
  const processes = await listProcesses() ?? [];
  const is_ours = (command_line: string) =>
    context.manager.isApplyOf(record.job.run_id, command_line) ||
    (record.step === "configure" && command_line === record.command_line);
  const user = processes.find((row) => row.pid === Deno.pid)?.user;
  return processes.filter((row) => row.user === user && is_ours(row.command_line)).map((row) => row.pid);
}
