import { OperationError } from "../host_operations.ts";
import type { JobControl } from "./job_context.ts";

/** How long a halted package manager is given to be really halted. Milliseconds. */
const HALT_MS = 50;

/**
 * Stops a job that has changed nothing yet, or takes the restart back that it waits for. The transaction is halted
 * before its status is read: apt announces dpkg before it starts it, so while it stands still the answer stays true.
 * @param status what the transaction wrote about itself so far
 * @throws OperationError CANCEL_TOO_LATE
 */
export async function stopJob(control: JobControl, status: () => string): Promise<void> {
  const { transaction } = control;
  const too_late = () =>
    new OperationError("CANCEL_TOO_LATE", "Packages are being installed; stopping now would break them.");
  if (control.stop_reboot !== null) return await control.stop_reboot();
  if (control.too_late) throw too_late();
  if (transaction === null) {
    control.cancelled = true;
    control.abort.abort();
    control.refresh?.signal("SIGTERM");
    return;
  }
  transaction.signal("SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, HALT_MS));
    if (control.too_late || /^(?:pm(?:status|error|conffile)|status|processing):/m.test(status())) throw too_late();
    control.cancelled = true;
    transaction.signal("SIGTERM");
  } finally {
    transaction.signal("SIGCONT");
  }
}
