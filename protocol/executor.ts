import { z } from "zod";
import { agentErrorStatus, FailedPackage, jobErrorCodes, jobPhases, jobStatuses, PackageChange } from "./api.ts";
import { PackageName, PackageVersion, RestartNeeds } from "./api.ts";

/**
 * What the network side of the agent and its root executor say to each other over the unix socket: one JSON value
 * per line, at most 1 MiB. The executor trusts nothing of it; the network side trusts the executor's words as far
 * as these schemas go.
 */

/** Bytes of one line, its end included. */
export const LINE_LIMIT = 2 ** 20;
/** UTF-16 units of a result in one line. Escaped twice and in UTF-8 that stays far below {@link LINE_LIMIT}. */
export const PIECE_LENGTH = 2 ** 16;
/** UTF-16 units of a whole result: a machine with 20,000 packages needs about 8 million. */
export const RESULT_LIMIT = 2 ** 26;

const text = (max: number) => z.string().max(max);
const job_id = z.uuid();

const run = {
  run_id: text(64).regex(/^[A-Za-z0-9-]{1,64}$/, "is not a run id"),
  deadline_ms: z.number().int().min(0).max(1e15).nullable(),
  state_id: text(64).nullable(),
};
const delay = z.number().int().min(0).max(86_400);

/** `ApplyOrder` of `agent/host_operations.ts`. */
export const ApplyOrderSchema = z.strictObject({
  ...run,
  operation: z.literal("apply"),
  packages: z.array(PackageName).max(5_000).nullable(),
  versions: z.record(PackageName, PackageVersion),
  new_packages: z.array(PackageName).max(5_000).nullable(),
  security_only: z.boolean(),
  dry_run: z.boolean(),
  reboot: z.enum(["never", "needed", "always"]),
  reboot_delay_seconds: delay,
});
/** `HostOrder` of `agent/host_operations.ts`: everything that can be asked of the root side to change the host. */
export const Order = z.discriminatedUnion("operation", [
  ApplyOrderSchema,
  z.strictObject({ ...run, operation: z.literal("repair"), dry_run: z.boolean() }),
  z.strictObject({ ...run, operation: z.literal("rollback"), job_id, dry_run: z.boolean() }),
  z.strictObject({ ...run, operation: z.literal("reboot"), reboot_delay_seconds: delay, force: z.boolean() }),
]);

/** A systemd or OpenRC service, without path or option: it never starts with a dash. */
export const ServiceName = text(256).regex(/^[A-Za-z0-9][A-Za-z0-9:_.@\\-]*$/, "is not the name of a service");

const id = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** A call. `watch` answers at once and then sends events until the connection ends. */
export const ExecutorRequest = z.discriminatedUnion("call", [
  z.strictObject({ id, call: z.enum(["health", "system_info", "packages", "jobs", "watch"]) }),
  z.strictObject({ id, call: z.literal("patches"), max_index_age_seconds: z.number().min(0).max(1e9).optional() }),
  z.strictObject({ id, call: z.literal("start"), order: Order }),
  z.strictObject({ id, call: z.enum(["job", "cancel", "remove"]), job_id }),
  z.strictObject({ id, call: z.literal("service"), name: ServiceName }),
]);
export type ExecutorRequest = z.infer<typeof ExecutorRequest>;

/** `HostJob` of `agent/host_operations.ts`. */
export const HostJobSchema = z.object({
  job_id,
  run_id: text(64),
  operation: z.enum(["apply", "dry_run", "repair", "rollback", "reboot"]),
  status: z.enum(jobStatuses),
  phase: z.enum(jobPhases),
  progress_percent: z.number().min(0).max(100),
  message: text(4096),
  output: text(2 ** 20),
  error: text(8192).nullable(),
  error_code: z.enum(jobErrorCodes).nullable(),
  exit_code: z.number().int().nullable(),
  created_at: text(64),
  started_at: text(64).nullable(),
  completed_at: text(64).nullable(),
  packages: z.array(text(256)).max(20_000),
  dry_run: z.boolean(),
  changes: z.array(PackageChange).max(20_000),
  conffiles_kept: z.array(text(1024)).max(1_000),
  failed_packages: z.array(FailedPackage).max(20_000),
  rollback: z.object({ possible: z.boolean(), reason: text(1024).nullable(), missing_versions: z.array(text(512)) }),
  restart: RestartNeeds.nullable(),
  boot_id_before: text(64).nullable(),
  boot_id_after: text(64).nullable(),
  original_job_id: job_id.nullable(),
  seq: z.number().int().min(0),
});

/** `HostJobEvent` of `agent/host_operations.ts`. */
export const HostJobEventSchema = z.object({
  job_id,
  run_id: text(64),
  seq: z.number().int().min(0),
  status: z.enum(jobStatuses),
  phase: z.enum(jobPhases),
  progress_percent: z.number().min(0).max(100),
  message: text(4096),
  output: text(2 ** 16),
  error: text(8192).nullable(),
  error_code: z.enum(jobErrorCodes).nullable(),
  timestamp: text(64),
});

const errorCodes = Object.keys(agentErrorStatus) as [keyof typeof agentErrorStatus];

/**
 * A line from the executor. A result comes as JSON text in pieces, in order, closed by `end`; `id` 0 answers a line
 * that could not be read, after which the executor closes.
 */
export const ExecutorReply = z.union([
  z.object({ id: z.number().int().min(0), piece: text(LINE_LIMIT) }),
  z.object({ id: z.number().int().min(0), end: z.literal(true) }),
  z.object({
    id: z.number().int().min(0),
    error: z.object({ code: z.enum(errorCodes), message: text(4096), retryable: z.boolean() }),
  }),
  z.object({ event: HostJobEventSchema }),
]);
export type ExecutorReply = z.infer<typeof ExecutorReply>;
