import { epochMs } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import { type HostOrder, OperationError } from "../host_operations.ts";
import type { JobContext } from "./job_context.ts";
import { RECORD_LIMIT } from "./job_store.ts";
import { checkRollback } from "./run_rollback.ts";

/** Jobs that may wait behind the one that runs. */
const QUEUE_LIMIT = 16;

/**
 * What can be known before an order becomes a job.
 * @param queue how many jobs wait, and whether one runs
 * @throws OperationError STATE_CHANGED, DEADLINE_PASSED, QUEUE_FULL, PKG_NOT_FOUND, JOB_NOT_FOUND,
 * ROLLBACK_NOT_ALLOWED, REBOOT_BLOCKED; PKG_MANAGER_ERROR when the package manager cannot be asked
 */
export async function checkOrder(
  context: Pick<JobContext, "store" | "manager" | "clock">,
  order: HostOrder,
  queue: { waiting: number; running: boolean },
): Promise<void> {
  const { store, clock } = context;
  if (order.state_id !== null && order.state_id !== store.state_id) {
    throw new OperationError(
      "STATE_CHANGED",
      "This agent has forgotten its earlier runs: its state folder is a new one. Read the host again, then decide.",
    );
  }
  if (order.deadline_ms !== null && epochMs(clock) > order.deadline_ms) {
    throw new OperationError("DEADLINE_PASSED", "The order came after its deadline. Nothing was started.");
  }
  if (queue.waiting >= QUEUE_LIMIT) {
    throw new OperationError("QUEUE_FULL", `${QUEUE_LIMIT} jobs wait already. Try again later.`, true);
  }
  if (store.records.length >= RECORD_LIMIT) {
    const words =
      `This agent remembers ${RECORD_LIMIT} jobs of the last 90 days and takes no more until the oldest are forgotten.`;
    throw new OperationError("QUEUE_FULL", words, true);
  }
  try {
    if (order.operation === "apply") await checkNames(context, order.packages);
    if (order.operation === "rollback") await checkRollback(context, order);
    if (order.operation === "reboot") await checkReboot(context, order.force, queue);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new OperationError("PKG_MANAGER_ERROR", `The package manager cannot be asked: ${reason(error)}`, true);
  }
}

async function checkNames(context: Pick<JobContext, "manager">, packages: string[] | null): Promise<void> {
  if (packages === null) return;
  const installed = await context.manager.installedNames();
  const unknown = packages.filter((name) => !installed.has(name));
  if (unknown.length === 0) return;
  const list = unknown.slice(0, 5).join(", ") + (unknown.length > 5 ? ` and ${unknown.length - 5} more` : "");
  throw new OperationError("PKG_NOT_FOUND", `Not installed on this host: ${list}.`);
}

/** A running job is never cut off, whatever `force` says; neither is somebody else's package manager. */
async function checkReboot(
  context: Pick<JobContext, "manager">,
  force: boolean,
  queue: { waiting: number; running: boolean },
): Promise<void> {
  if (queue.running) {
    throw new OperationError("REBOOT_BLOCKED", "A job runs on this host. Wait for its end, or cancel it.", true);
  }
  if (queue.waiting > 0 && !force) {
    throw new OperationError(
      "REBOOT_BLOCKED",
      "Jobs wait on this host. Wait for them, cancel them, or use force.",
      true,
    );
  }
  const { state, words } = await context.manager.database();
  if (state === "locked") throw new OperationError("REBOOT_BLOCKED", `${words} Try again when it has ended.`, true);
}
