import type { FailedPackage, InstalledPackage, JobErrorCode, PackageChange, Patch } from "../../protocol/api.ts";
import type { z } from "zod";
import type { ChangelogSource, SecurityOffer } from "./cve_types.ts";

/** One program to start, complete: nothing is inherited from the executor's own environment. */
export interface ProgramCall {
  /** Absolute path. */
  program: string;
  args: string[];
  env: Record<string, string>;
}

/** What is installed and what is on offer, read at one moment. */
export interface Listing {
  installed: InstalledPackage[];
  patches: Patch[];
  /** Where the ids of fixed flaws are read, for package managers whose index does not name them. */
  security_offers?: SecurityOffer[];
  /** What installing every installable one would download; null or absent when nobody knows. Bytes. */
  download_bytes?: number | null;
  /** Why the package manager could not say what it would install, in words; null when it could. */
  error: string | null;
}

export type PackageDatabaseState = "ok" | "interrupted" | "broken" | "locked";

export interface PackageDatabase {
  state: PackageDatabaseState;
  /** What is wrong and what to do, for people; null when nothing is. */
  words: string | null;
}

/** Which updates an order asks for. */
export interface Choice {
  /** Keys of the listing; null means every installable one. */
  packages: string[] | null;
  /** The exact version that was approved, by name. */
  versions: Record<string, string>;
  /** New packages that were approved with them; null: whatever they bring along. */
  new_packages: string[] | null;
  security_only: boolean;
}

/** What an apply would do, from the package manager's own simulation. Serialisable: it is kept with the job. */
export interface Plan {
  /** What is asked for by name: these are the arguments. */
  targets: { name: string; arch: string; version: string }[];
  /** Everything that changes, new dependencies included. */
  changes: PackageChange[];
  /** Names that were there only because others need them; the mark must survive the update. */
  automatic: string[];
  /** Not empty: nothing may be started. */
  refused: z.infer<typeof FailedPackage>[];
  error_code: JobErrorCode | null;
}

/** Why something failed: a code for machines, words for people. */
export interface Failure {
  code: JobErrorCode;
  words: string;
  /** True when the clock of the host is to blame. */
  clock?: boolean;
}

/** How far a started transaction is, from what it wrote so far. */
export interface TransactionProgress {
  /** 0 to 100, never falling. */
  percent: number;
  phase: "download" | "install";
  /** What it does now, in the package manager's words. */
  message: string;
  conffiles_kept: string[];
  /** Reasons by package name. */
  errors: Record<string, string>;
}

/** Reads what a transaction writes about itself, chunk by chunk. */
export interface ProgressReader {
  push(text: string): TransactionProgress;
  readonly progress: TransactionProgress;
}

export interface Verification {
  /** What did change, as the package database says now. */
  done: PackageChange[];
  failed: z.infer<typeof FailedPackage>[];
}

/** What a repair would do, by reading and simulating. */
export interface RepairPlan {
  /** True when the package manager was cut off in the middle of writing its database. */
  journal: boolean;
  /** Packages that are unpacked and not configured, or worse, in words by name. */
  unfinished: { name: string; state: string; words: string }[];
  /** Those whose files are in pieces and have to be unpacked again, in these versions. */
  again: { name: string; arch: string; version: string }[];
  /** What unpacking again and completing the dependencies would change. */
  changes: PackageChange[];
  /** Not empty: completing would remove or downgrade something, or cannot work; it must not be started. */
  refused: z.infer<typeof FailedPackage>[];
  error_code: JobErrorCode | null;
}

/** A package in the version that was there before a job. */
export interface OldPackage {
  /** Key of the listing. */
  name: string;
  /** The architecture by which the package manager takes it; never `all`. */
  arch: string;
  version: string;
}

/** Whether and from where the old versions of a plan can be had. */
export interface OldVersions {
  /** What to do before it is changed: `cache` and `repository` have exactly this version, `repack` makes it anew. */
  found: (OldPackage & { from: "cache" | "repository" | "repack"; bytes: number | null })[];
  /** `name=version` that nobody has. */
  missing: string[];
  /** Why it can never be taken back, whatever is saved; null otherwise. */
  refused: string | null;
}

/** One transaction that takes a job back. */
export interface RollbackPlan extends Plan {
  restored: OldPackage[];
  /** What the job had brought along. */
  removed: { name: string; arch: string }[];
}

/** Taking a job back. Saved packages lie in `<state>/jobs/<job_id>/saved`, nowhere else. */
export interface RollbackManager {
  oldVersions(plan: Plan): Promise<OldVersions>;
  /**
   * Brings the old versions into the job's folder, which is there and empty, and reads each one back.
   * @returns those that are there now; a missing one is not an error
   */
  save(versions: OldVersions, place: SavedPlace, signal: AbortSignal): Promise<OldPackage[]>;
  /** What a rollback would do now: refused when it would do anything but restore and remove exactly that. */
  plan(changes: PackageChange[], saved: OldPackage[], place: SavedPlace): Promise<RollbackPlan>;
  call(run_id: string, plan: RollbackPlan, place: SavedPlace): ProgramCall;
}

/** Where a job's saved packages are. */
export interface SavedPlace {
  /** The state folder, absolute. */
  state: string;
  job_id: string;
}

/** What the executor needs of a package manager. One implementation per kind of distribution. */
export interface PackageManager {
  readonly name: string;
  /** Present where CVE ids come from changelogs. */
  readonly changelogs?: ChangelogSource;
  version(): Promise<string | null>;
  /** Keys of everything installed: the cheap first check of an order. */
  installedNames(): Promise<Set<string>>;
  listing(): Promise<Listing>;
  database(): Promise<PackageDatabase>;
  /**
   * Why nothing may be installed although the package manager could, in words that say what to do: what the host's
   * administrator wrote for us cannot be relied upon. Null when it can. Cheap.
   */
  policyProblem(): Promise<string | null>;
  /** Downloads what is on offer now. */
  refreshCall(): ProgramCall;
  /** When the newest index landed on this machine, ms since the epoch; null when there is none. */
  indexTime(): Promise<number | null>;
  plan(choice: Choice): Promise<Plan>;
  /** The transaction. It carries the run id in its arguments, so that it is found again after a crash. */
  applyCall(run_id: string, plan: Plan): ProgramCall;
  /** True for the command line of a process that {@link applyCall} started for this run. */
  isApplyOf(run_id: string, command_line: string): boolean;
  progressReader(): ProgressReader;
  /** Reads a failure out of the output. */
  explain(output: string, during: "refresh" | "apply"): Failure;
  /** True when a download failed because the mirror no longer has what the index says: a newer index may help. */
  isIndexOutdated(output: string): boolean;
  /** @param output what the transaction said, for the last lines of a failed script */
  verify(plan: Plan, errors: Record<string, string>, output: string): Promise<Verification>;
  /** What has to be put right after a transaction, however it ended. Safe to repeat. */
  restoreMarks(plan: Plan): Promise<void>;
  /** How often the package manager recorded a transaction of this run. */
  transactionsOf(run_id: string): Promise<number>;
  reboot(): Promise<{ required: boolean; reasons: string[] }>;
  planRepair(): Promise<RepairPlan>;
  /** First half of a repair: finishes what was begun. */
  configureCall(): Promise<ProgramCall>;
  /** Second half: unpacks again what is in pieces and completes broken dependencies, never by a removal. */
  fixCall(run_id: string, again: RepairPlan["again"]): ProgramCall;
  readonly rollback: RollbackManager;
}
