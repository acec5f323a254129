import { z } from "zod";
import { type Clock, epochMs, rfc3339 } from "../../core/clock.ts";
import { uuidv7 } from "../../core/ids.ts";
import { FailedPackage, jobErrorCodes, PackageChange } from "../../protocol/api.ts";
import { HostJobSchema, Order } from "../../protocol/executor.ts";
import type { HostJob, HostOrder } from "../host_operations.ts";

const PlanSchema = z.object({
  targets: z.array(z.object({ name: z.string(), arch: z.string(), version: z.string() })),
  changes: z.array(PackageChange),
  automatic: z.array(z.string()),
  refused: z.array(FailedPackage),
  error_code: z.enum(jobErrorCodes).nullable(),
});

/**
 * How far a job is, as far as the package manager is concerned. `starting` is on disk before the program starts,
 * so a job found there may or may not have started it, and it is never started again. `rebooting` is on disk before
 * the host is told to restart, with the boot id of that moment.
 */
const stages = ["waiting", "starting", "started", "rebooting", "ended"] as const;

/** Packages in their old versions, kept for a rollback. */
const SavedSchema = z.object({
  packages: z.array(z.object({ name: z.string(), arch: z.string(), version: z.string() })),
  bytes: z.number().min(0),
});

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
  /** Which of a job's programs runs or ran last; a repair has two. */
  step: z.enum(["transaction", "configure", "fix"]).default("transaction"),
  /** The program's whole command line: finds one again that carries no mark of the run. */
  command_line: z.string().nullable().default(null),
  /** A newer index was fetched for it already. */
  retried: z.boolean().default(false),
  saved: SavedSchema.nullable().default(null),
  /** When the host is to restart, ms since the epoch; null when it is not. */
  reboot_due_ms: z.number().nullable().default(null),
  /** What the job did before the restart that it waits for, in words. */
  done_words: z.string().default(""),
});

/** One job as it lies on disk. What the package manager said lies beside it, in `output` and `status`. */
export interface JobRecord extends z.infer<typeof JobRecordSchema> {
  job: Omit<HostJob, "output">;
}

/**
 * Reads a record, also one of an earlier version: it knew only one kind of order and no restart.
 * @throws ZodError when it is not a record
 */
export function parseJobRecord(value: unknown): JobRecord {
  if (!isObject(value) || !isObject(value.job) || !isObject(value.order)) return JobRecordSchema.parse(value);
  return JobRecordSchema.parse({
    ...value,
    job: { restart: null, boot_id_before: null, boot_id_after: null, original_job_id: null, ...value.job },
    order: value.order.operation === undefined
      ? { new_packages: null, ...value.order, operation: "apply" }
      : value.order,
  });
}

/** The record of an order that was just accepted. */
export function newJobRecord(order: HostOrder, clock: Clock): JobRecord {
  const dry_run = order.operation !== "reboot" && order.dry_run;
  return {
    job: {
      job_id: uuidv7(clock),
      run_id: order.run_id,
      operation: order.operation === "apply" && dry_run ? "dry_run" : order.operation,
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
      packages: order.operation === "apply" ? order.packages ?? [] : [],
      dry_run,
      changes: [],
      conffiles_kept: [],
      failed_packages: [],
      rollback: { possible: false, reason: noRollback[order.operation], missing_versions: [] },
      restart: null,
      boot_id_before: null,
      boot_id_after: null,
      original_job_id: order.operation === "rollback" ? order.job_id : null,
      seq: 0,
    },
    order,
    stage: "waiting",
    created_ms: epochMs(clock),
    pid: null,
    plan: null,
    output_offset: 0,
    removed: false,
    step: "transaction",
    command_line: null,
    retried: false,
    saved: null,
    reboot_due_ms: null,
    done_words: "",
  };
}

const noRollback: Record<HostOrder["operation"], string> = {
  apply: "Nothing was changed yet.",
  repair: "A repair only finishes what was begun; there is nothing to go back to.",
  rollback: "A rollback is not taken back. Apply the updates again instead.",
  reboot: "A restart changes no packages.",
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
