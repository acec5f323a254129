import { reason } from "../../core/errors.ts";
import { type Clock, epochMs } from "../../core/clock.ts";
import type { SavedPlace } from "./package_manager.ts";
import { flushFolder, readIfThere, writeDurable } from "./durable_file.ts";
import { type JobRecord, parseJobRecord } from "./job_record.ts";

/** How long a run id is remembered. */
export const KEY_DAYS = 90;
/** How long an ended dry run is remembered, in hours, and how many at most. */
const DRY_RUN_HOURS = 24;
const DRY_RUNS_KEPT = 200;
/** Records on disk at most: 110 jobs a day for 90 days. Past that somebody floods us, and the disk matters more. */
export const RECORD_LIMIT = 10_000;
/** How many jobs keep their output. */
const OUTPUTS_KEPT = 200;
/** How long to wait before a record that could not be written is written again. Milliseconds. */
const RETRY_MS = 2_000;

/** The executor's memory: one folder per job, and a name for the whole folder. */
export interface JobStore {
  /** Made once: a new value tells the manager that earlier run ids are forgotten. */
  readonly state_id: string;
  /** Oldest first. */
  readonly records: readonly JobRecord[];
  byRun(run_id: string): JobRecord | undefined;
  byJob(job_id: string): JobRecord | undefined;
  /** On disk, flushed, when it returns. @throws Error when it cannot be: then there is no such job */
  add(record: JobRecord): void;
  /**
   * @param durable true before and after anything that must not be forgotten
   * @throws Error when it cannot be written
   */
  save(record: JobRecord, durable: boolean): void;
  /**
   * Saves, and when the disk is full tries again until it works: what happened is true although nobody could write it
   * down, and an executor that starts before it was finds the older record and judges anew by reading.
   * @returns why it could not be written at once, in words; null when it was
   */
  saveOrRetry(record: JobRecord, durable: boolean): string | null;
  /** Absolute path of the job's folder. */
  folder(record: JobRecord): string;
  outputPath(record: JobRecord): string;
  statusPath(record: JobRecord): string;
  /** Where the job's old packages are. */
  place(record: JobRecord): SavedPlace;
  /** Stops trying again. */
  close(): void;
}

/**
 * Opens the state folder, makes it when missing, drops what is older than 90 days.
 * @throws Error when another executor has it, or a job in it cannot be read: guessing could start it twice
 */
export function openJobStore(folder: string, clock: Clock): JobStore {
  Deno.mkdirSync(`${folder}/jobs`, { recursive: true, mode: 0o700 });
  const state_id = readStateId(folder);
  const records: JobRecord[] = [];
  for (const entry of Deno.readDirSync(`${folder}/jobs`)) {
    const record = readRecord(`${folder}/jobs/${entry.name}`);
    if (record) records.push(record);
  }
  records.sort((a, b) => a.created_ms - b.created_ms || (a.job.job_id < b.job.job_id ? -1 : 1));
  const runs = new Map(records.map((record) => [record.job.run_id, record]));
  const jobs = new Map(records.map((record) => [record.job.job_id, record]));
  const unsaved = new Set<JobRecord>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const retry = () => {
    timer = undefined;
    for (const record of unsaved) if (store.saveOrRetry(record, true) !== null) return;
  };
  const store: JobStore = {
    state_id,
    records,
    byRun: (run_id) => runs.get(run_id),
    byJob(job_id) {
      const record = jobs.get(job_id);
      return record?.removed ? undefined : record;
    },
    add(record) {
      Deno.mkdirSync(store.folder(record), { mode: 0o700 });
      try {
        store.save(record, true);
        flushFolder(`${folder}/jobs`);
      } catch (error) {
        Deno.removeSync(store.folder(record), { recursive: true });
        throw error;
      }
      records.push(record);
      runs.set(record.job.run_id, record);
      jobs.set(record.job.job_id, record);
      prune();
    },
    save(record, durable) {
      writeDurable(`${store.folder(record)}/job.json`, JSON.stringify(record), durable);
      unsaved.delete(record);
    },
    saveOrRetry(record, durable) {
      try {
        store.save(record, durable);
        return null;
      } catch (error) {
        unsaved.add(record);
        if (timer === undefined) {
          timer = setTimeout(retry, RETRY_MS);
          Deno.unrefTimer(timer as unknown as number);
        }
        return reason(error);
      }
    },
    folder: (record) => `${folder}/jobs/${record.job.job_id}`,
    outputPath: (record) => `${store.folder(record)}/output`,
    statusPath: (record) => `${store.folder(record)}/status`,
    place: (record) => ({ state: folder, job_id: record.job.job_id }),
    close() {
      clearTimeout(timer);
      unsaved.clear();
    },
  };
  const forget = (record: JobRecord) => {
    Deno.removeSync(store.folder(record), { recursive: true });
    records.splice(records.indexOf(record), 1);
    runs.delete(record.job.run_id);
    jobs.delete(record.job.job_id);
  };
  const prune = () => {
    const oldest = epochMs(clock) - KEY_DAYS * 86_400_000;
    while (records.length > 0 && records[0].created_ms < oldest && records[0].stage === "ended") {
      forget(records[0]);
    }
    // A dry run changes nothing, so repeating its run id is harmless: its record need not outlive the day.
    const dry = records.filter((record) => record.job.dry_run && record.stage === "ended");
    const yesterday = epochMs(clock) - DRY_RUN_HOURS * 3_600_000;
    dry.forEach((record, index) => {
      if (record.created_ms < yesterday || index < dry.length - DRY_RUNS_KEPT) forget(record);
    });
    for (const record of records.slice(0, -OUTPUTS_KEPT)) if (record.stage === "ended") dropOutput(store, record);
  };
  prune();
  return store;
}

/** Removes what the package manager said; the job itself stays. */
export function dropOutput(store: JobStore, record: JobRecord): void {
  for (const path of [store.outputPath(record), store.statusPath(record)]) {
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function readStateId(folder: string): string {
  const path = `${folder}/state_id`;
  const known = readIfThere(path)?.trim();
  if (known) return known;
  const made = crypto.randomUUID();
  writeDurable(path, made + "\n");
  return made;
}

function readRecord(folder: string): JobRecord | null {
  const content = readIfThere(`${folder}/job.json`);
  // The folder is made before its file: a crash in between leaves it empty, and nothing was started.
  if (content === null) {
    Deno.removeSync(folder, { recursive: true });
    return null;
  }
  try {
    return parseJobRecord(JSON.parse(content));
  } catch (cause) {
    throw new Error(`${folder}/job.json cannot be read. Move the folder away to go on without it.`, { cause });
  }
}
