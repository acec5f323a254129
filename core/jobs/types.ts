import { z } from "zod";
import { jobPhases, PackageName, PackageVersion } from "../../protocol/api.ts";

/**
 * What a job does. apply: installs updates; dry_run: only says what it would do; repair: finishes what was
 * interrupted; rollback: takes an apply back; reboot: restarts the host.
 */
export const jobKinds = ["apply", "dry_run", "repair", "rollback", "reboot"] as const;
export type JobKind = typeof jobKinds[number];

/** When the host restarts after an apply: not even when needed, when it asks for it, in any case. */
export const rebootRules = ["never", "needed", "always"] as const;
export type RebootRule = typeof rebootRules[number];

/** Seconds between the host's warning to its users and its restart: 0 to a day. */
export const RebootDelay = z.number().int().min(0).max(86_400).default(60);

/** States that somebody still works on, or will. */
export const openStates = ["queued", "waiting", "dispatching", "running", "verifying", "rebooting"] as const;
/** States that hold the host: one row per host at most may be in one of these (a partial unique index says so). */
export const activeStates = ["dispatching", "running", "verifying", "rebooting"] as const;
/** States that never change again. `unknown`: the host may have changed; read it, do not repeat. */
export const finalStates = ["succeeded", "failed", "cancelled", "missed", "rolled_back", "unknown"] as const;
export const hostStates = [...openStates, ...finalStates] as const;

export type OpenState = typeof openStates[number];
export type ActiveState = typeof activeStates[number];
export type FinalState = typeof finalStates[number];
/** State of one host of a job. */
export type HostState = typeof hostStates[number];

/** State of a whole job, derived from its hosts: see `deriveJobState`. */
export type JobState = "queued" | "waiting" | "running" | FinalState;

/** How many hosts of a job are in each state; states without hosts may be absent. */
export type StateCounts = Partial<Record<HostState, number>>;

export const outcomes = ["pending", "applied", "would_apply", "failed", "unchanged"] as const;
export type Outcome = typeof outcomes[number];

/** One package of one host of a job. */
export const JobPatch = z.object({
  name: z.string(),
  arch: z.string(),
  from_version: z.string().nullable(),
  to_version: z.string().nullable(),
  origin: z.enum(["ordered", "dependency"]),
  action: z.enum(["upgrade", "install", "remove", "downgrade"]),
  outcome: z.enum(outcomes),
  reason: z.string().nullable(),
  /** How a package stands that failed, in the package manager's words. */
  package_state: z.string().nullish(),
  /** The last lines of its script. */
  output: z.string().nullish(),
});
export type JobPatch = z.infer<typeof JobPatch>;

/** Longest list of hosts in one job: four times the largest supported fleet. */
export const MAX_HOSTS = 10_000;
/** Longest list of packages in one order; the wire contract takes as many. */
export const MAX_PACKAGES = 5_000;

/**
 * What a person orders. Versions are those the person saw: a host that offers another one by now refuses the whole
 * order (409 conflict) instead of installing a surprise.
 */
export const JobOrder = z.strictObject({
  kind: z.enum(["apply", "dry_run"]),
  host_ids: z.array(z.uuid()).min(1).max(MAX_HOSTS),
  /** Null or absent: every installable update. The same name may stand there with several versions (mixed fleets). */
  packages: z.array(z.strictObject({ name: PackageName, version: PackageVersion.optional() })).min(1).max(MAX_PACKAGES)
    .nullable().default(null),
  /** Versions that were seen and are not wanted: hosts that are offered one keep what they have of that package. */
  except: z.array(z.strictObject({ name: PackageName, version: PackageVersion })).max(MAX_PACKAGES).default([]),
  security_only: z.boolean().default(false),
  reboot: z.enum(rebootRules).default("never"),
  reboot_delay_seconds: RebootDelay,
  reason: z.string().trim().max(1_000).refine((text) => !text.includes("\u0000"), "contains NUL").default(""),
  /** Minutes from now after which nothing is started any more, 5 to 10,080 (7 days). Default 120; a dry run 15. */
  deadline_minutes: z.number().int().min(5).max(10_080).optional(),
});
export type JobOrder = z.output<typeof JobOrder>;
/** The same before defaults were filled in: what a caller writes. */
export type JobOrderInput = z.input<typeof JobOrder>;

const Reason = JobOrder.shape.reason;
const DeadlineMinutes = JobOrder.shape.deadline_minutes;

/** What a person says when ordering a repair. */
export const RepairOrder = z.strictObject({ reason: Reason, deadline_minutes: DeadlineMinutes });
export type RepairOrderInput = z.input<typeof RepairOrder>;

/** What a person says when ordering a restart. */
export const RebootOrder = z.strictObject({
  /** Seconds between the warning to the host's users and the restart. */
  delay_seconds: RebootDelay,
  reason: Reason,
  deadline_minutes: DeadlineMinutes,
});
export type RebootOrderInput = z.input<typeof RebootOrder>;

/** What a person says when taking a job back. */
export const RollbackOrder = z.strictObject({
  /** Hosts of the job; without them all of which the agent says that it can. */
  host_ids: z.array(z.uuid()).min(1).max(MAX_HOSTS).nullable().default(null),
  reason: Reason,
  deadline_minutes: DeadlineMinutes,
});
export type RollbackOrderInput = z.input<typeof RollbackOrder>;

/** Printable ASCII, 1 to 128 characters: the value of an Idempotency-Key header. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,128}$/, "is not 1 to 128 printable characters");

/** What a host said of a run at its end, for people: bounded, and without what steers a terminal. */
export const RunReport = z.object({
  /** What runs in an older version than the installed one; null when the host does not say. */
  restart: z.object({
    services: z.array(z.string()),
    kernel: z.string().nullable(),
    reboot: z.boolean(),
    reasons: z.array(z.string()),
  }).nullable(),
  /** Files of configuration that were kept as they were although the package brought others. */
  conffiles_kept: z.array(z.string()),
  /** Whether the host can take the run back; null when it does not say. */
  rollback: z.object({
    possible: z.boolean(),
    reason: z.string().nullable(),
    missing_versions: z.array(z.string()),
  }).nullable(),
});
export type RunReport = z.infer<typeof RunReport>;

/** What names one row while somebody works on it. The fence tells a late writer that the row went on without it. */
export interface RunKey {
  job_id: string;
  host_id: string;
  state: HostState;
  fence: number;
}

const instant = z.instanceof(Temporal.Instant);

/** One host's row, with what is needed of its job and host, as the one who claimed it sees it. */
export const Run = z.object({
  job_id: z.string(),
  host_id: z.string(),
  kind: z.enum(jobKinds),
  reboot: z.enum(rebootRules),
  reboot_delay_seconds: z.number(),
  run_id: z.string(),
  attempt: z.number(),
  state: z.enum(hostStates),
  fence: z.number(),
  deadline_at: instant,
  /** How many failures to reach the host came one after another, 0 to 3. */
  communication_failures: z.number(),
  agent_job_id: z.string().nullable(),
  agent_state_id: z.string().nullable(),
  agent_seq: z.number(),
  boot_id_before: z.string().nullable(),
  /** Until when a restarting host must be back; null before it restarts. */
  back_by: instant.nullable(),
  phase: z.enum(jobPhases).nullable().catch(null),
  new_packages: z.array(z.string()).nullable(),
  original_agent_job_id: z.string().nullable(),
  progress: z.number(),
  cancel_requested_at: instant.nullable(),
  /** Set before the order is sent for the first time: from then on the host may have started. */
  dispatched_at: instant.nullable(),
  started_at: instant.nullable(),
  /** Bytes of output that were consumed over all attempts, also those beyond what is kept. */
  log_bytes: z.number(),
  /** Value of log_bytes when this attempt began. */
  log_start: z.number(),
  /** How to reach the host, and what its certificate must be for. */
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  tls_name: z.string(),
  host_removed: z.boolean(),
});
export type Run = z.infer<typeof Run>;

/** What a host says while it works. Absent fields stay as they are. */
export interface Progress {
  /** Percent, 0 to 100; a smaller one than before is ignored. */
  progress?: number;
  phase?: typeof jobPhases[number];
  /** At most 4,096 characters are kept. */
  message?: string;
  /** Number of the agent's last event that this covers. */
  seq?: number;
  /** New output, appended to the log. */
  output?: string;
}
