import { z } from "zod";
import { jobPhases, PackageName, PackageVersion } from "../../protocol/api.ts";

/** What a job does. `rollback` is kept for later work. */
export const jobKinds = ["apply", "dry_run", "rollback"] as const;
export type JobKind = typeof jobKinds[number];

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
  security_only: z.boolean().default(false),
  /** `needed` belongs to later work: see {@link createJob}. */
  reboot: z.enum(["never", "needed"]).default("never"),
  reason: z.string().trim().max(1_000).refine((text) => !text.includes("\u0000"), "contains NUL").default(""),
  /** Minutes from now after which nothing is started any more, 5 to 10,080 (7 days). Default 120; a dry run 15. */
  deadline_minutes: z.number().int().min(5).max(10_080).optional(),
});
export type JobOrder = z.output<typeof JobOrder>;
/** The same before defaults were filled in: what a caller writes. */
export type JobOrderInput = z.input<typeof JobOrder>;

/** Printable ASCII, 1 to 128 characters: the value of an Idempotency-Key header. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,128}$/, "is not 1 to 128 printable characters");

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
