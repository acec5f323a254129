import { epochMs, rfc3339 } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import { uuidv7 } from "../../core/ids.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import {
  type ApplyOrder,
  type HostJob,
  type HostJobEvent,
  type HostOperations,
  type HostOrder,
  OperationError,
} from "../host_operations.ts";
import { openCveReader } from "./cve_reader.ts";
import { readTail } from "./followed_file.ts";
import { createHostFacts } from "./host_facts.ts";
import { createIndexRefresh } from "./index_refresh.ts";
import { endJob, type JobContext, type JobControl, stepJob } from "./job_context.ts";
import { dropOutput, type JobRecord, openJobStore } from "./job_store.ts";
import type { PackageManager } from "./package_manager.ts";
import { reattachJob } from "./reattach_job.ts";
import { runJob } from "./run_job.ts";

export interface HostExecutorOptions {
  /** Absolute path of the state folder; only one executor may have it. */
  state: string;
  /** Absolute path of a managed system below a folder; null for the machine itself. */
  root: string | null;
  manager: PackageManager;
  clock: Clock;
  log: Log;
  version: string;
  /** How long a refresh waits for another package manager. Seconds, default 120. */
  lock_timeout_seconds?: number;
  /** False: CVE ids are not read from changelogs, which downloads at most 200 MB a day. Default true. */
  changelogs?: boolean;
}

/** The executor, with what only its own process may do. */
export interface HostExecutor extends HostOperations {
  /** Settles when no job runs or waits. */
  idle(): Promise<void>;
}

/** Jobs that may wait behind the one that runs. */
const QUEUE_LIMIT = 16;
/** Jobs that a list shows. */
const LIST_LIMIT = 200;
/** Characters of output that a job shows: `GET /jobs/{id}` takes no more. */
const OUTPUT_BYTES = 2 ** 20;

/**
 * Opens the state folder, takes up what an earlier executor left, and answers calls.
 * @throws Error when another executor has the state folder
 */
export function openHostExecutor(options: HostExecutorOptions): HostExecutor {
  const { state, manager, clock, log, lock_timeout_seconds = 120 } = options;
  const lock = takeLock(state);
  const store = openJobStore(state, clock);
  const index = createIndexRefresh({ folder: state, manager, clock, log, lock_timeout_seconds });
  const listeners = new Set<(event: HostJobEvent) => void>();
  const context: JobContext = {
    store,
    manager,
    index,
    clock,
    log,
    tell: (event) => listeners.forEach((tell) => tell(event)),
  };
  const cves = openCveReader({ state, manager, clock, log, busy: () => current !== null });
  const listing = async () => {
    const found = await manager.listing();
    return options.changelogs === false ? found : cves.dress(found);
  };
  const facts = createHostFacts({ ...options, manager: { ...manager, listing }, index, store });
  const queue: JobRecord[] = [];
  let current: { record: JobRecord; control: JobControl } | null = null;
  let pumping: Promise<void> = Promise.resolve();
  let closed = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** One job after the other; a second caller joins the pump that runs. */
  function pump(): void {
    if (current !== null || closed) return;
    const record = queue.shift();
    if (!record) return;
    const reattach = record.stage !== "waiting";
    const control: JobControl = { cancelled: false, refresh: null, transaction: null, too_late: reattach };
    current = { record, control };
    pumping = (reattach ? reattachJob(context, record) : runJob(context, record, control))
      .catch((error) => log.error("job.broke", { job_id: record.job.job_id, message: reason(error) }))
      .then(() => {
        current = null;
        pump();
      });
  }

  async function check(order: ApplyOrder): Promise<void> {
    if (order.state_id !== null && order.state_id !== store.state_id) {
      throw new OperationError(
        "STATE_CHANGED",
        "This agent has forgotten its earlier runs: its state folder is a new one. Read the host again, then decide.",
      );
    }
    if (order.deadline_ms !== null && epochMs(clock) > order.deadline_ms) {
      throw new OperationError("DEADLINE_PASSED", "The order came after its deadline. Nothing was started.");
    }
    if (queue.length >= QUEUE_LIMIT) {
      throw new OperationError("QUEUE_FULL", `${QUEUE_LIMIT} jobs wait already. Try again later.`, true);
    }
    const installed = order.packages === null ? null : await manager.installedNames();
    const unknown = order.packages?.filter((name) => !installed!.has(name)) ?? [];
    if (unknown.length > 0) {
      const list = unknown.slice(0, 5).join(", ") + (unknown.length > 5 ? ` and ${unknown.length - 5} more` : "");
      throw new OperationError("PKG_NOT_FOUND", `Not installed on this host: ${list}.`);
    }
  }

  async function start(order: HostOrder): Promise<HostJob> {
    const known = store.byRun(order.run_id);
    if (known) return show(known);
    if (order.operation !== "apply") throw new OperationError("NOT_FOUND", `This agent cannot ${order.operation} yet.`);
    try {
      await check(order);
    } catch (error) {
      if (error instanceof OperationError) throw error;
      throw new OperationError("PKG_MANAGER_ERROR", `The package manager cannot be asked: ${reason(error)}`, true);
    }
    const record = newRecord(order, clock);
    store.add(record);
    queue.push(record);
    stepJob(context, record, { message: current === null ? "Starting" : "Waiting for the job before it" });
    pump();
    return show(record);
  }

  const show = (record: JobRecord): HostJob => {
    // No further than this seq has told: whoever reads a job and then its events would get the rest twice.
    const end = record.stage === "ended" ? Infinity : record.output_offset;
    const output = record.removed ? "" : readTail(store.outputPath(record), OUTPUT_BYTES, end);
    return { ...record.job, output };
  };

  function find(job_id: string): JobRecord {
    const record = store.byJob(job_id);
    if (!record) throw new OperationError("JOB_NOT_FOUND", "There is no such job on this host.");
    return record;
  }

  for (const record of store.records) {
    if (record.stage === "ended") continue;
    // Nothing irrevocable had begun, so it may simply begin again.
    if (record.stage === "waiting") {
      stepJob(context, record, { status: "pending", phase: "queued", message: "Waiting" });
    }
    queue.push(record);
  }
  // What may be running comes first: nothing else can start beside it.
  queue.sort((a, b) => Number(a.stage === "waiting") - Number(b.stage === "waiting"));
  pump();
  void index.startLoop(() => current !== null);

  return {
    health: facts.health,
    systemInfo: facts.systemInfo,
    packages: async () => (await listing()).installed,
    async patches({ max_index_age_seconds }) {
      if (max_index_age_seconds !== undefined && current === null) await index.ensure(max_index_age_seconds);
      return await facts.patches();
    },
    // One after the other: the same run id twice at once must find the first one's job.
    start: (order) => {
      const answer = turn.then(() => start(order));
      turn = answer.catch(() => {});
      return answer;
    },
    jobs: () =>
      Promise.resolve(
        store.records.filter((record) => !record.removed).slice(-LIST_LIMIT).reverse().map((record) => ({
          ...record.job,
          output: "",
        })),
      ),
    job: (job_id) => Promise.resolve(store.byJob(job_id)).then((record) => record ? show(record) : null),
    async cancel(job_id) {
      const record = find(job_id);
      if (record.stage === "ended") throw new OperationError("CANCEL_TOO_LATE", "The job has ended already.");
      if (current?.record !== record) {
        queue.splice(queue.indexOf(record), 1);
        const message = "Cancelled before it began.";
        endJob(context, record, { status: "cancelled", error_code: "CANCELLED", error: message, message });
      } else await stopJob(current.control, () => readTail(store.statusPath(record), OUTPUT_BYTES));
      return show(record);
    },
    remove: (job_id) =>
      Promise.resolve().then(() => {
        const record = find(job_id);
        if (record.stage !== "ended") throw new OperationError("DELETE_NOT_ALLOWED", "The job has not ended yet.");
        record.removed = true;
        store.save(record, true);
        dropOutput(store, record);
      }),
    service: () => Promise.resolve(null),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async idle() {
      while (current !== null) await pumping;
    },
    async close() {
      closed = true;
      index.stop();
      await cves.stop();
      lock.close();
    },
  };
}

/**
 * Stops a job that has changed nothing yet. The transaction is halted before its status is read: apt announces
 * dpkg before it starts it, so while it stands still the answer stays true.
 */
async function stopJob(control: JobControl, status: () => string): Promise<void> {
  const { transaction } = control;
  const too_late = () =>
    new OperationError("CANCEL_TOO_LATE", "Packages are being installed; stopping now would break them.");
  if (control.too_late) throw too_late();
  if (transaction === null) {
    control.cancelled = true;
    control.refresh?.signal("SIGTERM");
    return;
  }
  transaction.signal("SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (control.too_late || /^pm(?:status|error|conffile):/m.test(status())) throw too_late();
    control.cancelled = true;
    transaction.signal("SIGTERM");
  } finally {
    transaction.signal("SIGCONT");
  }
}

function newRecord(order: ApplyOrder, clock: Clock): JobRecord {
  return {
    job: {
      job_id: uuidv7(clock),
      run_id: order.run_id,
      operation: order.dry_run ? "dry_run" : "apply",
      status: "pending",
      phase: "queued",
      progress_percent: 0,
      message: "Waiting",
      error: null,
      error_code: null,
      exit_code: null,
      created_at: rfc3339(clock.now()),
      started_at: null,
      completed_at: null,
      packages: order.packages ?? [],
      dry_run: order.dry_run,
      changes: [],
      conffiles_kept: [],
      failed_packages: [],
      rollback: { possible: false, reason: "This version of the agent does not roll back.", missing_versions: [] },
      restart: null,
      boot_id_before: null,
      boot_id_after: null,
      original_job_id: null,
      seq: 0,
    },
    order,
    stage: "waiting",
    created_ms: epochMs(clock),
    pid: null,
    plan: null,
    output_offset: 0,
    removed: false,
  };
}

/** The kernel lets go of the lock however the process ends. */
function takeLock(state: string): Deno.FsFile {
  Deno.mkdirSync(state, { recursive: true, mode: 0o700 });
  const file = Deno.openSync(`${state}/lock`, { create: true, write: true, mode: 0o600 });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new Error(`Another executor uses ${state}. Stop it first, or give --state another folder.`);
  }
  return file;
}
