import { reason } from "../../core/errors.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import {
  type HostJob,
  type HostJobEvent,
  type HostOperations,
  type HostOrder,
  OperationError,
} from "../host_operations.ts";
import { checkOrder } from "./check_order.ts";
import { readTail } from "./followed_file.ts";
import { openCveReader } from "./cve_reader.ts";
import { createHostFacts } from "./host_facts.ts";
import { createIndexRefresh } from "./index_refresh.ts";
import { cancelJob, type JobContext, type JobControl, stepJob } from "./job_context.ts";
import { type JobRecord, newJobRecord } from "./job_record.ts";
import { dropOutput, openJobStore } from "./job_store.ts";
import type { PackageManager } from "./package_manager.ts";
import { reattachJob } from "./reattach_job.ts";
import { runJob } from "./run_job.ts";
import { cleanSaved, dropSaved, SAVED_BYTES } from "./save_old_packages.ts";
import { sharedRuns } from "./shared_runs.ts";
import { createServices } from "./services.ts";
import { stopJob } from "./stop_job.ts";

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
  /**
   * What restarts the host, called like `shutdown`. Default: the machine's own; below a root nothing, because the
   * machine is not the managed system.
   */
  reboot_command?: string | null;
  /** Bytes that old packages may take, default 2 GiB. */
  saved_limit_bytes?: number;
}

/** The executor, with what only its own process may do. */
export interface HostExecutor extends HostOperations {
  /** Settles when no job runs or waits. */
  idle(): Promise<void>;
}

/** What restarts a machine, with systemd and with other init systems. */
const SHUTDOWN = "/usr/sbin/shutdown";
/** How long whoever asks for a young index waits for it; the refresh goes on afterwards. Milliseconds. */
const REFRESH_WAIT_MS = 10_000;
/** Jobs that a list shows. */
const LIST_LIMIT = 200;
/** Characters of output that a job shows: `GET /jobs/{id}` takes no more. */
const OUTPUT_BYTES = 2 ** 20;

/**
 * Opens the state folder, takes up what an earlier executor left, and answers calls.
 * @throws Error when another executor has the state folder
 */
export function openHostExecutor(options: HostExecutorOptions): HostExecutor {
  const { state, root, manager, clock, log, lock_timeout_seconds = 120 } = options;
  const lock = takeLock(state);
  const store = openJobStore(state, clock);
  const index = createIndexRefresh({ folder: state, manager, clock, log, lock_timeout_seconds });
  const listeners = new Set<(event: HostJobEvent) => void>();
  const closing = new AbortController();
  const context: JobContext = {
    ...{ store, manager, index, clock, log, root, lock_timeout_seconds },
    reboot_program: options.reboot_command ?? (root === null ? SHUTDOWN : null),
    saved_limit_bytes: options.saved_limit_bytes ?? SAVED_BYTES,
    closing: closing.signal,
    tell: (event) => listeners.forEach((tell) => tell(event)),
  };
  const busy = () => current !== null;
  const cves = openCveReader({ state, manager, clock, log, busy });
  // However often the network side asks, the package manager is asked by one at a time.
  const listing = sharedRuns(async () => {
    const found = await manager.listing();
    return options.changelogs === false ? found : cves.dress(found);
  });
  const facts = createHostFacts({ ...options, manager: { ...manager, listing }, index, store });
  const services = createServices(root);
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
    const control = newControl(reattach);
    current = { record, control };
    pumping = (reattach ? reattachJob(context, record, control) : runJob(context, record, control))
      .catch((error) => log.error("job.broke", { job_id: record.job.job_id, message: reason(error) }))
      .then(() => {
        current = null;
        pump();
      });
  }

  async function start(order: HostOrder): Promise<HostJob> {
    const known = store.byRun(order.run_id);
    if (known) return show(known);
    await checkOrder(context, order, { waiting: queue.length, running: busy() });
    const record = newJobRecord(order, clock);
    try {
      store.add(record);
    } catch (error) {
      const words = `The job cannot be written down, so it was not started: ${reason(error)}`;
      throw new OperationError("PKG_MANAGER_ERROR", words, true);
    }
    // A restart that may overtake what waits does so: the others go on after it.
    if (order.operation === "reboot") queue.unshift(record);
    else queue.push(record);
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
  cleanSaved(context);
  pump();
  void index.startLoop(busy);

  return {
    health: sharedRuns(facts.health),
    systemInfo: sharedRuns(facts.systemInfo),
    packages: async () => (await listing()).installed,
    async patches({ max_index_age_seconds }) {
      if (max_index_age_seconds !== undefined && current === null) {
        await index.ensureWithin(max_index_age_seconds, REFRESH_WAIT_MS);
      }
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
        cancelJob(context, record, "Cancelled before it began.");
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
        if (record.saved !== null) dropSaved(context, record, "The job was removed.");
      }),
    service: (name) => services.service(name),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async idle() {
      while (current !== null) await pumping;
    },
    async close() {
      closed = true;
      closing.abort();
      index.stop();
      store.close();
      await cves.stop();
      // Not left to close(): a child of this process that has not reached its own program yet holds a copy of the file.
      lock.unlockSync();
      lock.close();
    },
  };
}

function newControl(too_late: boolean): JobControl {
  return {
    ...{ cancelled: false, refresh: null, transaction: null, too_late, stop_reboot: null },
    abort: new AbortController(),
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
