import { z } from "zod";
import { boundedList } from "./bounded_list.ts";

/**
 * The Linux Patch API, version 1: what manager and agent say to each other. The schemas are what the manager
 * reads: they tolerate the public agent's known faults (unknown fields are dropped, optional ones may be absent)
 * and bound every string and list, because a managed host may be hostile. What our own agent sends is the
 * stricter `Our…` types.
 */

/** Text bounded in UTF-16 units, without NUL (PostgreSQL cannot hold one). */
const text = (max: number) => z.string().max(max).refine((value) => !value.includes("\u0000"), "contains NUL");

/** A package name as any supported package manager writes it. Never starts with a dash: it may become an argument. */
export const PackageName = text(256).regex(/^[A-Za-z0-9][A-Za-z0-9+._:@-]*$/, "is not a package name");
/** A package version as any supported package manager writes it. */
export const PackageVersion = text(256).regex(/^[A-Za-z0-9][A-Za-z0-9.+:~^_-]*$/, "is not a package version");

const seconds = z.number().min(0).max(1e10);
const bytes = z.number().min(0).max(2 ** 53);
const instant = text(64);
/** Fits the database's int: a job has some thousand events. */
const sequence = z.number().int().min(0).max(2 ** 31 - 1);

/** The envelope around every answer of an agent. */
export const Envelope = z.object({
  success: z.boolean(),
  request_id: text(64).optional(),
  timestamp: instant.optional(),
  data: z.unknown(),
  error: z.object({
    code: text(64),
    message: text(4096),
    details: z.unknown().optional(),
    retryable: z.boolean().optional(),
  }).nullish(),
});
export type Envelope = z.infer<typeof Envelope>;

/** HTTP error codes of the agent, with their status. The last three are ours. */
export const agentErrorStatus = {
  INVALID_JOB_ID: 400,
  VALIDATION_ERROR: 400,
  ROLLBACK_NOT_ALLOWED: 400,
  NOT_FOUND: 404,
  JOB_NOT_FOUND: 404,
  PKG_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  DELETE_NOT_ALLOWED: 409,
  REBOOT_BLOCKED: 409,
  PAYLOAD_TOO_LARGE: 413,
  QUEUE_FULL: 429,
  PKG_MANAGER_ERROR: 500,
  CANCEL_TOO_LATE: 409,
  STATE_CHANGED: 409,
  DEADLINE_PASSED: 409,
} as const;
export type AgentErrorCode = keyof typeof agentErrorStatus;

/** Why a job on the host failed. */
export const jobErrorCodes = [
  "PKG_MANAGER_ERROR",
  "PKG_MANAGER_BUSY",
  "COMMAND_NOT_FOUND",
  "CACHE_REFRESH_ERROR",
  "NETWORK_ERROR",
  "GPG_ERROR",
  "PKG_NOT_FOUND",
  "DEPENDENCY_CONFLICT",
  "PERMISSION_DENIED",
  "DISK_FULL",
  "REBOOT_ERROR",
  "TIMEOUT",
  "CANCELLED",
  "UNKNOWN_ERROR",
] as const;
export type JobErrorCode = typeof jobErrorCodes[number];

/** `GET /health`. Cheap: never refreshes an index. */
export const Health = z.object({
  status: z.enum(["healthy", "degraded"]),
  uptime_seconds: seconds.optional(),
  version: text(64).optional(),
  last_cache_update: instant.nullish(),
  cache_status: z.enum(["fresh", "stale", "unknown", "failed"]).optional(),
  crl_status: text(64).optional(),
  crl_age_seconds: seconds.nullish(),
  crl_next_update: instant.nullish(),
  checks: z.object({
    package_manager: z.enum(["ok", "locked", "interrupted", "broken"]).optional(),
    disk: z.enum(["ok", "low"]).optional(),
    clock: z.enum(["ok", "skewed"]).optional(),
  }).optional(),
  /** Words for each check that is not ok, for people. Ours. */
  problems: z.array(text(512)).max(16).optional(),
  agent: z.object({
    name: text(64).optional(),
    protocol: z.number().int().optional(),
    /** True for a host that exists only in a simulation; shown wherever the host is shown. */
    simulated: z.boolean().optional(),
    /** Names the agent's state folder: a new value means that it has forgotten which runs it started. */
    state_id: text(64).optional(),
  }).optional(),
});
export type Health = z.infer<typeof Health>;

/** `GET /system/info`. */
export const SystemInfo = z.object({
  hostname: text(255),
  os: text(128),
  os_version: text(128).optional(),
  kernel: text(256).optional(),
  architecture: text(64).optional(),
  last_update_check: instant.nullish(),
  last_update_apply: instant.nullish(),
  pending_reboot: z.boolean().optional(),
  os_id: text(64).optional(),
  os_id_like: z.union([text(256), z.array(text(64)).max(16)]).optional(),
  os_codename: text(64).nullish(),
  machine_id_hash: text(128).optional(),
  boot_id: text(64).nullish(),
  boot_time: instant.nullish(),
  init_system: text(64).nullish(),
  package_manager: z.object({ name: text(64), version: text(64).nullish() }).optional(),
  reboot_reasons: z.array(text(512)).max(64).optional(),
  services_to_restart: z.array(text(256)).max(512).optional(),
  virtualization: text(64).nullish(),
  disk_free: z.record(text(256), bytes).optional(),
});
export type SystemInfo = z.infer<typeof SystemInfo>;

/** One row of `GET /packages`. */
export const InstalledPackage = z.object({
  name: PackageName,
  version: text(256),
  status: text(64).optional(),
  upgradable: z.boolean().optional(),
  latest_version: text(256).nullish(),
  description: text(1024).nullish(),
  cve_ids: z.array(text(32)).max(2048).optional(),
  arch: text(32).optional(),
  size_bytes: bytes.nullish(),
  source_package: text(256).nullish(),
  install_date: instant.nullish(),
  held: z.boolean().optional(),
});
export type InstalledPackage = z.infer<typeof InstalledPackage>;
export const PackageList = z.object({ packages: boundedList(InstalledPackage, 50_000), total: z.number().optional() });

export const severities = ["critical", "high", "medium", "low", "unknown"] as const;
export type Severity = typeof severities[number];

/**
 * Why a patch is or is not installed by the next apply. `installable` is the only one that is. held: by the
 * package manager's own mark; phased: not this machine's turn; kept_back: its dependencies stand in the way, or it
 * would remove something; pinned: the host's preferences choose an older version; excluded: the host's administrator
 * forbids it to us; blocked: the package manager can install nothing at all now.
 */
export const patchStates = ["installable", "held", "phased", "kept_back", "pinned", "excluded", "blocked"] as const;
export type PatchState = typeof patchStates[number];

/** One row of `GET /patches`. */
export const Patch = z.object({
  name: PackageName,
  arch: text(32).optional(),
  current_version: text(256),
  available_version: text(256),
  repository: z.union([z.array(text(256)).max(64), text(256)]).nullish(),
  security: z.boolean().optional(),
  security_version: text(256).nullish(),
  severity: z.enum(severities).catch("unknown"),
  severity_source: text(64).optional(),
  cve_ids: z.array(text(32)).max(2048).optional(),
  cve_source: text(64).optional(),
  advisory_ids: z.array(text(64)).max(256).optional(),
  size_bytes: bytes.nullish(),
  installed_size_delta_bytes: z.number().min(-(2 ** 53)).max(2 ** 53).nullish(),
  source_package: text(256).nullish(),
  description: text(1024).nullish(),
  requires_reboot: z.boolean().optional(),
  held: z.boolean().optional(),
  phased_percent: z.number().min(0).max(100).nullish(),
  installable: z.boolean().optional(),
  /** Ours: why it is not installable, one of {@link patchStates} and words for people. */
  state: z.enum(patchStates).optional(),
  state_reason: text(512).nullish(),
  /** Ours: what it brings along, and what it would remove (then it is never installed by us). */
  new_dependencies: z.array(text(256)).max(512).optional(),
  removes: z.array(text(256)).max(512).optional(),
  /** Ours: why a restart is needed for it, in words; null when none is. */
  reboot_reason: text(512).nullish(),
});
export type Patch = z.infer<typeof Patch>;

/** `GET /patches`. */
export const PatchList = z.object({
  patches: boundedList(Patch, 20_000),
  total: z.number().optional(),
  security_updates: z.number().optional(),
  requires_reboot: z.boolean().optional(),
  package_manager: text(64).optional(),
  index_age_seconds: seconds.nullish(),
  index_error: text(2048).nullish(),
  state: z.enum(["ok", "interrupted", "broken", "locked"]).optional(),
  /** Ours: what installing every installable one would download, new dependencies included. */
  download_bytes: bytes.nullish(),
});
export type PatchList = z.infer<typeof PatchList>;

/** Body of `POST /patches/apply` as our agent reads it. */
export const ApplyRequest = z.object({
  /** Empty or missing means every installable update. */
  packages: z.array(PackageName).max(5_000).optional(),
  /** The exact version that the person saw, by package name; another one on offer is an error, not a surprise. */
  versions: z.record(PackageName, PackageVersion).optional(),
  allow_reboot: z.boolean().optional(),
  reboot: z.boolean().optional(),
  reboot_delay_seconds: z.number().int().min(0).max(86_400).optional(),
  /** The run this order belongs to. The same key again answers the same job and starts nothing. */
  idempotency_key: text(64).regex(/^[A-Za-z0-9-]{1,64}$/, "is not a run id").optional(),
  dry_run: z.boolean().optional(),
  security_only: z.boolean().optional(),
  /**
   * New packages that the person saw in the dry run: any other one is an error. Missing: whatever the updates bring
   * along, which is what an agent does for a manager that does not know the word.
   */
  new_packages: z.array(PackageName).max(5_000).optional(),
  /** Ours, more exact than `reboot`: when the host asks for it, or in any case. */
  reboot_when: z.enum(["never", "needed", "always"]).optional(),
  /** RFC 3339. An order that arrives later is refused with DEADLINE_PASSED. */
  deadline: z.iso.datetime({ offset: true }).optional(),
  /** The state folder that the manager knows; another one is refused with STATE_CHANGED. */
  state_id: text(64).optional(),
});
export type ApplyRequest = z.infer<typeof ApplyRequest>;

/** What every other order may carry, with the meaning of {@link ApplyRequest}. */
const runFields = {
  idempotency_key: ApplyRequest.shape.idempotency_key,
  deadline: ApplyRequest.shape.deadline,
  state_id: ApplyRequest.shape.state_id,
};
/** Body of `POST /system/repair` (ours): finish what was interrupted, never remove anything. */
export const RepairRequest = z.object({ ...runFields, dry_run: z.boolean().optional() });
export type RepairRequest = z.infer<typeof RepairRequest>;
/** Body of `POST /jobs/{id}/rollback`; may be missing altogether. */
export const RollbackRequest = z.object({ ...runFields, dry_run: z.boolean().optional() });
export type RollbackRequest = z.infer<typeof RollbackRequest>;
/** Body of `POST /system/reboot`. `force` restarts although jobs wait; one that runs is never cut off. */
export const RebootRequest = z.object({
  ...runFields,
  delay_seconds: z.number().int().min(0).max(86_400).optional(),
  force: z.boolean().optional(),
});
export type RebootRequest = z.infer<typeof RebootRequest>;

/** Answer of `POST /certificate/csr` (ours): a request for a key that was made on the host and stays there. */
export const CertificateSigningRequest = z.object({ csr_pem: text(16_384) });
/** Body of `PUT /certificate` (ours). Belongs to the newest request; checked before it is used. */
export const CertificateUpdate = z.object({
  server_crt: text(16_384),
  ca_chain: text(65_536).optional(),
  crl_pem: text(2 ** 22).nullish(),
});
/** Body of `PUT /crl` (ours). */
export const RevocationListUpdate = z.object({ crl_pem: text(2 ** 22) });

/** `GET /system/services/{name}`. `healthy` is null where the init system cannot say. */
export const Service = z.object({
  name: text(256),
  display_name: text(512).nullish(),
  active_state: text(64),
  sub_state: text(64).nullish(),
  load_state: text(64).nullish(),
  enabled_state: text(64).nullish(),
  main_pid: z.number().int().nullish(),
  healthy: z.boolean().nullish(),
});
export type Service = z.infer<typeof Service>;

/** Answer to `POST /patches/apply`. */
export const ApplyAccepted = z.object({ job_id: text(64), status: text(32).optional() });

/** Wire states of a job, after {@link readJobStatus}. */
export const jobStatuses = ["pending", "running", "completed", "failed", "cancelled"] as const;
export type JobStatus = typeof jobStatuses[number];

/** Reads a status with the public agent's spellings: `succeeded`, `timedout`, `timed_out`. Null when unknown. */
export function readJobStatus(status: string): JobStatus | null {
  if (status === "succeeded") return "completed";
  if (status === "timedout" || status === "timed_out") return "failed";
  return (jobStatuses as readonly string[]).includes(status) ? status as JobStatus : null;
}

export const jobPhases = ["queued", "refresh", "download", "install", "verify", "reboot-wait", "done"] as const;
export type JobPhase = typeof jobPhases[number];

/** One package that a job changed, or in a dry run would change. */
export const PackageChange = z.object({
  name: PackageName,
  arch: text(32).optional(),
  from: text(256).nullable(),
  to: text(256).nullable(),
  action: z.enum(["upgrade", "install", "remove", "downgrade"]),
});
export type PackageChange = z.infer<typeof PackageChange>;

/** One package that a job could not bring to the wanted version. */
export const FailedPackage = z.object({
  name: PackageName,
  reason: text(2048),
  /** Ours: how the package stands now, in the package manager's words, and the last lines of its script. */
  state: text(128).nullish(),
  output: text(4096).nullish(),
});

/** Ours: what runs in an older version than the installed one, after a job. */
export const RestartNeeds = z.object({
  services: z.array(text(256)).max(512),
  /** Newest installed kernel, when another one runs. */
  kernel: text(256).nullish(),
  reboot: z.boolean(),
  reasons: z.array(text(512)).max(64),
});
export type RestartNeeds = z.infer<typeof RestartNeeds>;

/** `GET /jobs/{id}`: the union of what the public agent and ours send. */
export const Job = z.object({
  job_id: text(64),
  operation: text(64).optional(),
  status: text(32),
  progress: z.number().nullish(),
  progress_percent: z.number().nullish(),
  phase: z.enum(jobPhases).optional().catch(undefined),
  message: text(4096).nullish(),
  output: text(2 ** 20).nullish(),
  logs: z.array(text(4096)).max(20_000).nullish(),
  error: text(8192).nullish(),
  error_code: text(64).nullish(),
  exit_code: z.number().int().nullish(),
  created_at: instant.nullish(),
  started_at: instant.nullish(),
  completed_at: instant.nullish(),
  packages: z.array(text(256)).max(20_000).nullish(),
  rollback_job_id: text(64).nullish(),
  idempotency_key: text(64).nullish(),
  dry_run: z.boolean().nullish(),
  changes: boundedList(PackageChange, 20_000).optional(),
  conffiles_kept: z.array(text(1024)).max(1_000).optional(),
  failed_packages: boundedList(FailedPackage, 5_000).optional(),
  rollback: z.object({
    possible: z.boolean(),
    reason: text(1024).nullish(),
    missing_versions: z.array(text(512)).max(5_000).optional(),
  }).optional(),
  /** Ours: what still runs in an older version; null before the job has ended. */
  restart: RestartNeeds.nullish(),
  /** Ours: the kernel's boot ids around a restart. */
  boot_id_before: text(64).nullish(),
  boot_id_after: text(64).nullish(),
  /** The job that a rollback takes back. */
  original_job_id: text(64).nullish(),
  /** Number of the last event of this job, from 1: what a reader who polls compares. Ours. */
  seq: sequence.optional(),
});
export type Job = z.infer<typeof Job>;
export const JobList = z.object({ jobs: boundedList(Job, 10_000) });

/** A message of the agent on `WS /api/v1/ws/jobs`. */
export const JobEvent = z.object({
  event: z.enum(["connected", "subscribed", "unsubscribed", "job_status", "error"]),
  job_id: text(64).nullish(),
  status: text(32).nullish(),
  progress: z.number().nullish(),
  progress_percent: z.number().nullish(),
  phase: z.enum(jobPhases).optional().catch(undefined),
  message: text(4096).nullish(),
  /** New output since the event before, at most 64 KiB. */
  output: text(2 ** 16).nullish(),
  seq: sequence.optional(),
  timestamp: instant.nullish(),
  error: text(8192).nullish(),
  error_code: text(64).nullish(),
});
export type JobEvent = z.infer<typeof JobEvent>;
