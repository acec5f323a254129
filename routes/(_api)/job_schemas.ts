import { z } from "@hono/zod-openapi";
import { healthStates } from "../../core/hosts/types.ts";
import { finalStates, hostStates, IdempotencyKey, jobKinds, outcomes, rebootRules } from "../../core/jobs/types.ts";
import { compliances } from "../../core/views/list_hosts.ts";
import { jobPhases, patchStates, severities } from "../../protocol/api.ts";
import { Instant, listOf } from "./api_app.ts";

const count = z.int().min(0);
const states = z.enum(hostStates);

export const Job = z.object({
  id: z.uuid(),
  kind: z.enum(jobKinds),
  state: z.enum(["queued", "waiting", "running", ...finalStates]).openapi({
    description: "Derived from its hosts; ended, it is called after what most needs a person.",
  }),
  requested_by: z.object({ id: z.uuid(), name: z.string() }),
  requested_at: Instant,
  reason: z.string(),
  security_only: z.boolean(),
  reboot: z.enum(rebootRules),
  reboot_delay_seconds: count.openapi({ description: "Between the warning to the host's users and its restart." }),
  original_job_id: z.uuid().nullable().openapi({ description: "The job that a rollback takes back." }),
  deadline_at: Instant.openapi({ description: "Nothing is started after it." }),
  cancelled_at: Instant.nullable(),
  cancelled_by: z.string().nullable(),
  cancel_reason: z.string().nullable(),
  ended_at: Instant.nullable(),
  counts: z.partialRecord(states, count).openapi({ description: "Hosts in each state; absent means none." }),
  hosts: count,
  host_name: z.string().nullable().openapi({ description: "Name of its host, where there is exactly one." }),
  patches: count.openapi({ description: "Installations that were ordered, over all hosts." }),
  progress: z.int().openapi({ description: "Percent over all hosts; one that ended counts as 100." }),
  simulated: z.boolean(),
}).openapi("Job");
export const JobList = listOf(Job).openapi("JobList");

const jobHostFields = {
  job_id: z.uuid(),
  host_id: z.uuid(),
  name: z.string(),
  fqdn: z.string(),
  simulated: z.boolean(),
  removed: z.boolean(),
  state: states,
  attempt: count,
  wave: count,
  progress: z.int().openapi({ description: "Percent." }),
  phase: z.enum(jobPhases).nullable(),
  message: z.string(),
  error_code: z.string().nullable(),
  error: z.string().nullable(),
  cancel_requested_at: Instant.nullable(),
  queued_at: Instant,
  dispatched_at: Instant.nullable(),
  started_at: Instant.nullable(),
  ended_at: Instant.nullable(),
  next_at: Instant,
  deadline_at: Instant,
  communication_failures: count,
  log_bytes: count,
  patches: count,
  applied: count,
  failed: count,
  back_by: Instant.nullable().openapi({ description: "Until when a restarting host must be back." }),
  rollback_possible: z.boolean().nullable().openapi({ description: "As its agent says; null when it does not." }),
  rollback_job: z.object({ job_id: z.uuid(), state: states }).nullable(),
};
export const JobHost = z.object(jobHostFields).openapi("JobHost");
export const JobHostList = listOf(JobHost).openapi("JobHostList");

export const JobHostDetail = z.object({
  ...jobHostFields,
  packages: z.array(z.object({
    name: z.string(),
    arch: z.string(),
    from_version: z.string().nullable(),
    to_version: z.string().nullable(),
    origin: z.enum(["ordered", "dependency"]),
    action: z.enum(["upgrade", "install", "remove", "downgrade"]),
    outcome: z.enum(outcomes),
    reason: z.string().nullable(),
    package_state: z.string().nullable().openapi({ description: "How a package stands that failed." }),
    output: z.string().nullable().openapi({ description: "The last lines of its script." }),
  })),
  report: z.object({
    restart: z.object({
      services: z.array(z.string()),
      kernel: z.string().nullable(),
      reboot: z.boolean(),
      reasons: z.array(z.string()),
    }).nullable().openapi({ description: "What runs in an older version than the installed one." }),
    conffiles_kept: z.array(z.string()),
    rollback: z.object({
      possible: z.boolean(),
      reason: z.string().nullable(),
      missing_versions: z.array(z.string()),
    }).nullable(),
  }).nullable().openapi({ description: "What the host said at its end; null before." }),
  boot_id_before: z.string().nullable(),
  boot_id_after: z.string().nullable(),
}).openapi("JobHostDetail");

export const JobLog = z.object({
  text: z.string(),
  next: count.openapi({ description: "Ask with `after` set to this for what comes next." }),
  more: z.boolean().openapi({ description: "More is there right now." }),
  ended: z.boolean().openapi({ description: "Nothing will be added any more." }),
}).openapi("JobLog");

/** The header that makes an order safe to send again. */
export const OrderKey = z.object({
  "Idempotency-Key": IdempotencyKey.optional().openapi({ description: "Printable ASCII, 1 to 128 characters." }),
});

export function orderKeyOf(header: z.output<typeof OrderKey>): string | null {
  return header["Idempotency-Key"] ?? null;
}

export const JobCreated = z.object({
  job_id: z.uuid(),
  repeated: z.boolean().openapi({
    description: "The same Idempotency-Key made the job earlier: nothing was done now, the counts say nothing.",
  }),
  hosts: count,
  patches: count,
  left_out: z.array(z.uuid()).openapi({ description: "Chosen hosts with nothing to install; not part of the job." }),
}).openapi("JobCreated");

export const JobCancelled = z.object({
  cancelled: count.openapi({ description: "Hosts whose work had not begun: it never will." }),
  asked: count.openapi({ description: "Hosts that were asked to stop; each says whether it was too late." }),
  too_late: count,
}).openapi("JobCancelled");

export const JobPreview = z.object({
  totals: z.object({
    hosts: count,
    hosts_with_patches: count,
    patches: count,
    security: count,
    size_bytes: z.number(),
    hosts_needing_reboot: count,
    hosts_running: count,
  }),
  packages: z.array(z.object({
    name: z.string(),
    arch: z.string(),
    version: z.string(),
    from_versions: z.array(z.string()),
    hosts: count,
    security: z.boolean(),
    security_known: z.boolean(),
    severity: z.enum(severities),
    severity_source: z.string(),
    cve_ids: z.array(z.string()),
    repositories: z.array(z.string()),
    size_bytes: z.number().nullable(),
    requires_reboot: z.boolean(),
    new_dependencies: z.array(z.string()),
    description: z.string().nullable(),
  })),
  hosts: z.array(z.object({
    id: z.uuid(),
    name: z.string(),
    fqdn: z.string(),
    simulated: z.boolean(),
    health: z.enum(healthStates),
    health_reason: z.string().nullable(),
    not_answering_since: Instant.nullable(),
    compliance: z.enum(compliances),
    report_received_at: Instant.nullable(),
    index_refreshed_at: Instant.nullable(),
    package_state: z.enum(["ok", "interrupted", "broken", "locked"]),
    patches: count,
    security: count,
    size_bytes: z.number(),
    requires_reboot: z.boolean(),
    not_installable: count,
    running_job: z.uuid().nullable(),
  })),
  left_out: z.array(z.object({
    name: z.string(),
    state: z.enum(patchStates),
    reason: z.string().nullable(),
    hosts: count,
  })).openapi({ description: "Pending updates that would stay, and why." }),
}).openapi("JobPreview");
