import { followFile } from "./followed_file.ts";
import { type JobContext, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { TransactionProgress } from "./package_manager.ts";

/** How often the files are looked at. Milliseconds. */
const LOOK_MS = 200;

/**
 * Reads what the transaction writes until it has ended and everything is read, and tells each step. The status is
 * read from its start, so that errors seen before a restart count; output goes on where watchers were left.
 */
export async function followTransaction(
  context: JobContext,
  record: JobRecord,
  process: {
    /** Asked before every look. */
    ended: () => Promise<boolean>;
    /** Settles when it ends, where that can be known: saves the rest of a wait. */
    wake?: Promise<unknown>;
    /** Called at the first sign that packages are being changed. */
    onInstall: () => void;
  },
): Promise<TransactionProgress> {
  const reader = context.manager.progressReader();
  const status = followFile(context.store.statusPath(record));
  const output = followFile(context.store.outputPath(record), record.output_offset);
  try {
    for (;;) {
      const ended = await process.ended();
      let news = true;
      while (news) {
        const status_text = status.next();
        const output_text = output.next();
        news = status_text !== "" || output_text !== "";
        if (!news) break;
        const progress = reader.push(status_text);
        if (progress.phase === "install") process.onInstall();
        tell(context, record, progress, output_text, output.offset);
      }
      if (ended) return reader.progress;
      await Promise.race([process.wake, new Promise((resolve) => setTimeout(resolve, LOOK_MS))].filter(Boolean));
    }
  } finally {
    status.close();
    output.close();
  }
}

function tell(
  context: JobContext,
  record: JobRecord,
  progress: TransactionProgress,
  output: string,
  offset: number,
): void {
  record.output_offset = offset;
  const change = {
    phase: progress.phase,
    message: progress.message || record.job.message,
    // 100 is said at the end, by whoever has verified it.
    progress_percent: Math.min(99, progress.percent),
    conffiles_kept: progress.conffiles_kept,
  };
  stepJob(context, record, change, { output });
}
