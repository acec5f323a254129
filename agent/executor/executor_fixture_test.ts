import { type Clock, systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { waitFor } from "../../testing/wait_for.ts";
import type { Bed } from "../backends/apt/sandbox_fixture_test.ts";
import type {
  ApplyOrder,
  HostJob,
  HostOperations,
  HostOrder,
  RebootOrder,
  RepairOrder,
  RollbackOrder,
} from "../host_operations.ts";
import { type HostExecutor, type HostExecutorOptions, openHostExecutor } from "./host_executor.ts";

/** An order with everything left at its default. */
export function order(run_id: string, change: Partial<ApplyOrder> = {}): ApplyOrder {
  return {
    ...{
      operation: "apply",
      run_id,
      packages: null,
      new_packages: null,
      versions: {},
      security_only: false,
      dry_run: false,
    },
    ...{ reboot: "never", reboot_delay_seconds: 0, deadline_ms: null, state_id: null },
    ...change,
  };
}

const run = { deadline_ms: null, state_id: null };

export function repairOrder(run_id: string, dry_run = false): RepairOrder {
  return { ...run, operation: "repair", run_id, dry_run };
}

export function rollbackOrder(run_id: string, job_id: string, dry_run = false): RollbackOrder {
  return { ...run, operation: "rollback", run_id, job_id, dry_run };
}

export function rebootOrder(run_id: string, change: Partial<RebootOrder> = {}): RebootOrder {
  return { ...run, operation: "reboot", run_id, reboot_delay_seconds: 0, force: false, ...change };
}

/** An executor in this process on the bed's host; the same state folder every time. */
export function openExecutor(
  bed: Bed,
  clock: Clock = systemClock,
  options: Partial<HostExecutorOptions> = {},
): HostExecutor {
  const { root, apt: manager, folder } = bed;
  const state = `${folder}/state`;
  const common = { log: silentLog, version: "0.0.0", lock_timeout_seconds: 1 };
  return openHostExecutor({ state, root, manager, clock, ...common, ...options });
}

/** Waits until a job has ended, whoever runs it. */
export async function endOf(operations: HostOperations, job_id: string): Promise<HostJob> {
  return await waitFor("the end of the job", async () => {
    const job = await operations.job(job_id);
    return job !== null && job.completed_at !== null && job;
  }, { deadline_ms: 60_000 });
}

/** Starts an order and waits for its end. */
export async function runToEnd(operations: HostOperations, wanted: HostOrder): Promise<HostJob> {
  return await endOf(operations, (await operations.start(wanted)).job_id);
}
