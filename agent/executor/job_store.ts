import { z } from "zod";
import { type Clock, epochMs } from "../../core/clock.ts";
import { jobErrorCodes, PackageChange } from "../../protocol/api.ts";
import { HostJobSchema, Order } from "../../protocol/executor.ts";
import type { HostJob } from "../host_operations.ts";
import { flushFolder, readIfThere, writeDurable } from "./durable_file.ts";

const PlanSchema = z.object({
  targets: z.array(z.object({ name: z.string(), arch: z.string(), version: z.string() })),
  changes: z.array(PackageChange),
  automatic: z.array(z.string()),
  refused: z.array(z.object({ name: z.string(), reason: z.string() })),
  error_code: z.enum(jobErrorCodes).nullable(),
});

/**
 * How far a job is, as far as the package manager is concerned. `starting` is on disk before the program starts,
 * so a job found there may or may not have started it, and it is never started again.
 */
const stages = ["waiting", "starting", "started", "ended"] as const;

const JobRecordSchema = z.object({
  job: HostJobSchema.omit({ output: true }),
  order: Order,
  stage: z.enum(stages),
  created_ms: z.number(),
  /** Process id of the package manager. */
  pid: z.number().int().nullable(),
  plan: PlanSchema.nullable(),
  /** Bytes of the output that watchers were told of. */
  output_offset: z.number().int().min(0),
  /** Removed on request: not shown any more, but its run id still counts. */
  removed: z.boolean(),
});

/** One job as it lies on disk. What the package manager said lies beside it, in `output` and `status`. */
export interface JobRecord extends z.infer<typeof JobRecordSchema> {
  job: Omit<HostJob, "output">;
}

/** How long a run id is remembered. */
export const KEY_DAYS = 90;
/** How many jobs keep their output. */
const OUTPUTS_KEPT = 200;

/** The executor's memory: one folder per job, and a name for the whole folder. */
export interface JobStore {
  /** Made once: a new value tells the manager that earlier run ids are forgotten. */
  readonly state_id: string;
  /** Oldest first. */
  readonly records: readonly JobRecord[];
  byRun(run_id: string): JobRecord | undefined;
  byJob(job_id: string): JobRecord | undefined;
  /** On disk, flushed, when it returns. */
  add(record: JobRecord): void;
  /** @param durable true before and after anything that must not be forgotten */
  save(record: JobRecord, durable: boolean): void;
  /** Absolute path of the job's folder. */
  folder(record: JobRecord): string;
  outputPath(record: JobRecord): string;
  statusPath(record: JobRecord): string;
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
  const store: JobStore = {
    state_id,
    records,
    byRun: (run_id) => records.find((record) => record.job.run_id === run_id),
    byJob: (job_id) => records.find((record) => record.job.job_id === job_id && !record.removed),
    add(record) {
      Deno.mkdirSync(store.folder(record), { mode: 0o700 });
      store.save(record, true);
      flushFolder(`${folder}/jobs`);
      records.push(record);
      prune();
    },
    save: (record, durable) => writeDurable(`${store.folder(record)}/job.json`, JSON.stringify(record), durable),
    folder: (record) => `${folder}/jobs/${record.job.job_id}`,
    outputPath: (record) => `${store.folder(record)}/output`,
    statusPath: (record) => `${store.folder(record)}/status`,
  };
  const prune = () => {
    const oldest = epochMs(clock) - KEY_DAYS * 86_400_000;
    while (records.length > 0 && records[0].created_ms < oldest && records[0].stage === "ended") {
      Deno.removeSync(store.folder(records[0]), { recursive: true });
      records.shift();
    }
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
    return JobRecordSchema.parse(JSON.parse(content));
  } catch (cause) {
    throw new Error(`${folder}/job.json cannot be read. Move the folder away to go on without it.`, { cause });
  }
}
