import { reason } from "../../core/errors.ts";
import { followTransaction } from "./follow_transaction.ts";
import { type JobContext, type JobControl, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { Failure, ProgramCall, TransactionProgress } from "./package_manager.ts";
import { startDetached } from "./process.ts";

/** How a transaction ended, as far as that is known. */
export interface TransactionEnd {
  progress: TransactionProgress;
  /** Null when the executor was away: nobody else can learn an exit code. */
  exit: { code: number | null; signal: string | null } | null;
  cancelled: boolean;
}

/**
 * Starts one program of a job and follows it to its end. On disk before the program starts: a crash from then on is
 * judged by reading, never by starting again.
 * @returns the end, or why it could not be started
 * @throws Error when the record cannot be written; then nothing was started
 */
export async function runTransaction(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  call: ProgramCall,
  begin: { step: JobRecord["step"]; phase: "download" | "install"; message: string },
): Promise<TransactionEnd | { failure: Failure }> {
  const { store } = context;
  record.step = begin.step;
  record.command_line = [call.program, ...call.args].join(" ");
  const before = record.stage;
  record.stage = "starting";
  try {
    stepJob(context, record, { phase: begin.phase, message: begin.message }, { required: true });
  } catch (error) {
    record.stage = before;
    throw error;
  }
  let transaction;
  try {
    transaction = await startDetached(call, store.outputPath(record), store.statusPath(record));
  } catch (error) {
    record.stage = before;
    return { failure: { code: "COMMAND_NOT_FOUND", words: `${call.program}: ${reason(error)}` } };
  }
  control.transaction = transaction;
  record.stage = "started";
  record.pid = transaction.pid;
  let ended = false;
  const end = transaction.ended.finally(() => ended = true);
  // A full disk must not make us look away while packages change: the record can wait, the process cannot.
  const words = store.saveOrRetry(record, true);
  if (words !== null) context.log.error("job.not_saved", { job_id: record.job.job_id, message: words });
  const progress = await followTransaction(context, record, {
    ended: () => Promise.resolve(ended),
    wake: end,
    onInstall: () => control.too_late = true,
  });
  const exit = await end;
  control.transaction = null;
  return { progress, exit, cancelled: control.cancelled };
}
