import { statfsSync } from "node:fs";
import { reason } from "../../core/errors.ts";
import type { HostJob } from "../host_operations.ts";
import { type JobContext, type JobControl, stepJob } from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import type { OldVersions, Plan } from "./package_manager.ts";

/** Jobs that keep their old packages; a rollback of a rollback of last month helps nobody. */
const JOBS_WITH_SAVED = 5;
/** Bytes that all of them may take. */
export const SAVED_BYTES = 2 * 2 ** 30;
/** The share of the free space that they may take: the update itself needs some too. */
const SHARE_OF_FREE = 0.1;

type Rollback = HostJob["rollback"];

/** Says before anything is changed whether it could be taken back. */
export async function tellRollback(context: JobContext, record: JobRecord, plan: Plan): Promise<OldVersions | null> {
  try {
    const versions = await context.manager.rollback.oldVersions(plan);
    record.job.rollback = judge(versions);
    return versions;
  } catch (error) {
    record.job.rollback = impossible(`The old versions could not be looked for: ${reason(error)}`);
    return null;
  }
}

/**
 * Saves the old packages of a plan into the job's folder, within bounds. Whatever goes wrong here only makes the
 * rollback impossible, with the reason; patching goes on.
 */
export async function saveOldPackages(
  context: JobContext,
  record: JobRecord,
  plan: Plan,
  control: JobControl,
): Promise<void> {
  const versions = await tellRollback(context, record, plan);
  if (versions === null || !record.job.rollback.possible) return;
  const folder = savedFolder(context, record);
  try {
    const bytes = versions.found.reduce((sum, old) => sum + (old.bytes ?? 0), 0);
    makeRoom(context, record, bytes);
    const limit = limitOf(context, record);
    if (bytes > limit) return void (record.job.rollback = tooLarge(bytes, limit));
    stepJob(context, record, { message: "Saving the old packages for a rollback" });
    removeFolder(folder);
    Deno.mkdirSync(folder, { mode: 0o700 });
    const packages = await context.manager.rollback.save(versions, context.store.place(record), control.abort.signal);
    const size = clean(folder, new Set(packages.map(fileName)));
    const missing = versions.found
      .filter((old) => !packages.some((item) => item.name === old.name && item.arch === old.arch))
      .map((old) => `${old.name}=${old.version}`);
    if (missing.length > 0) record.job.rollback = notThere(missing);
    else if (size > limit) record.job.rollback = tooLarge(size, limit);
    if (!record.job.rollback.possible) return removeFolder(folder);
    record.saved = { packages, bytes: size };
  } catch (error) {
    if (!control.cancelled) record.job.rollback = impossible(`The old packages could not be saved: ${reason(error)}`);
    removeFolder(folder);
  }
}

/** Forgets a job's old packages and says why it cannot be taken back any more. */
export function dropSaved(context: Pick<JobContext, "store">, record: JobRecord, words: string): void {
  removeFolder(savedFolder(context, record));
  record.saved = null;
  record.job.rollback = { ...impossible(words), missing_versions: record.job.rollback.missing_versions };
  context.store.saveOrRetry(record, true);
}

/** Forgets the old packages of a job that ended without changing anything. */
export function dropUseless(context: JobContext, record: JobRecord): void {
  const { rollback } = record.job;
  if (record.saved !== null && record.stage === "ended" && !rollback.possible) {
    dropSaved(context, record, rollback.reason ?? "Nothing was changed.");
  }
}

/**
 * Removes saved packages that belong to no job that could use them, which a crash in the middle of saving leaves, and
 * takes back the promise of jobs whose packages are gone: a crash in the middle of removing them, or somebody's tidying.
 */
export function cleanSaved(context: Pick<JobContext, "store">): void {
  for (const record of context.store.records) {
    if (record.saved !== null && record.stage === "ended" && !areThere(savedFolder(context, record), record.saved)) {
      dropSaved(context, record, "Its old packages are not there any more.");
    }
    if (record.saved === null && record.stage !== "started") removeFolder(`${context.store.folder(record)}/saved`);
  }
}

/** Drops the oldest until this job's packages fit. */
function makeRoom(context: JobContext, record: JobRecord, bytes: number): void {
  const holders = context.store.records.filter((other) => other !== record && other.saved !== null);
  const total = () => holders.reduce((sum, other) => sum + other.saved!.bytes, bytes);
  while (holders.length >= JOBS_WITH_SAVED || (holders.length > 0 && total() > context.saved_limit_bytes)) {
    const oldest = holders.shift()!;
    const words =
      `Its old packages were removed to make room for those of newer jobs (${JOBS_WITH_SAVED} keep theirs).`;
    dropSaved(context, oldest, words);
  }
}

function limitOf(context: JobContext, record: JobRecord): number {
  const { bavail, bsize } = statfsSync(context.store.folder(record));
  return Math.min(context.saved_limit_bytes, Math.floor(bavail * bsize * SHARE_OF_FREE));
}

function areThere(folder: string, { packages }: NonNullable<JobRecord["saved"]>): boolean {
  try {
    return packages.every((old) => Deno.lstatSync(`${folder}/${fileName(old)}`).size > 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function fileName({ name, arch }: { name: string; arch: string }): string {
  return `${name.split(":")[0]}_${arch}.deb`;
}

/** Removes everything but the saved packages; answers their bytes. */
function clean(folder: string, wanted: Set<string>): number {
  let bytes = 0;
  for (const entry of [...Deno.readDirSync(folder)]) {
    const path = `${folder}/${entry.name}`;
    if (wanted.has(entry.name) && entry.isFile) bytes += Deno.lstatSync(path).size;
    else Deno.removeSync(path, { recursive: true });
  }
  return bytes;
}

function judge(versions: OldVersions): Rollback {
  if (versions.refused !== null) return impossible(versions.refused);
  return versions.missing.length > 0
    ? notThere(versions.missing)
    : { possible: true, reason: null, missing_versions: [] };
}

function notThere(missing: string[]): Rollback {
  const names = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ` and ${missing.length - 5} more` : "");
  const words = `These old versions are in no repository, not in the cache, and could not be packed again: ${names}.`;
  return { ...impossible(words), missing_versions: missing.map((name) => name.slice(0, 512)).slice(0, 5_000) };
}

function tooLarge(bytes: number, limit: number): Rollback {
  const mib = (count: number) => Math.ceil(count / 2 ** 20);
  return impossible(
    `The old packages have ${mib(bytes)} MiB; there is room for ${mib(limit)} MiB (a tenth of the free space at most).`,
  );
}

function impossible(words: string): Rollback {
  return { possible: false, reason: words.slice(0, 1024), missing_versions: [] };
}

function savedFolder(context: Pick<JobContext, "store">, record: JobRecord): string {
  return `${context.store.folder(record)}/saved`;
}

function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
