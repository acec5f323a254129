import { z } from "@hono/zod-openapi";
import { healthStates, pollKinds } from "../../core/hosts/types.ts";
import { hostStates, jobKinds } from "../../core/jobs/types.ts";
import { hostStatuses } from "../../core/views/host_filter.ts";
import { compliances } from "../../core/views/list_hosts.ts";
import { patchStates, severities } from "../../protocol/api.ts";
import { Instant, listOf } from "./api_app.ts";

const count = z.int().min(0);
const name = z.object({ id: z.uuid(), name: z.string() });
const severity = z.enum(severities);

const hostFields = {
  id: z.uuid(),
  name: z.string().openapi({ description: "Display name, else the FQDN." }),
  fqdn: z.string(),
  address: z.string(),
  port: z.int(),
  simulated: z.boolean().openapi({ description: "An invented host of the demo; it never becomes a real one." }),
  os_id: z.string().nullable(),
  os_name: z.string().nullable(),
  os_version: z.string().nullable(),
  architecture: z.string().nullable(),
  tags: z.array(z.string()),
  groups: z.array(name).openapi({ description: "Those that the caller may know of." }),
  health: z.enum(healthStates),
  health_since: Instant,
  health_reason: z.string().nullable().openapi({ description: "Words to act on; null when healthy." }),
  not_answering_since: Instant.nullable(),
  last_seen: Instant.nullable(),
  report_received_at: Instant.nullable(),
  index_refreshed_at: Instant.nullable().openapi({ description: "When the host last refreshed its package index." }),
  index_error: z.string().nullable(),
  package_state: z.enum(["ok", "interrupted", "broken", "locked"]),
  refused_at: Instant.nullable().openapi({ description: "When its last report was refused; null when none was." }),
  refused_reason: z.string().nullable(),
  reboot_required: z.boolean(),
  compliance: z.enum(compliances).openapi({
    description:
      "stale: data too old to say; unknown: it never reported, or does not say which updates are security ones.",
  }),
  installed: count.openapi({ description: "Packages installed." }),
  pending: count.openapi({ description: "Updates pending." }),
  installable: count.openapi({ description: "Updates that an apply installs." }),
  security: count,
  critical: count,
  high: count,
  medium: count,
  low: count,
  unknown: count,
  held: count,
  phased: count,
  kept_back: count,
  pinned: count,
  excluded: count,
  blocked: count,
  security_unknown: count.openapi({
    description: "Updates of which the agent does not say whether they are security ones; never counted as compliant.",
  }),
  cves: count,
  oldest_security_at: Instant.nullable(),
  running_job: z.object({ job_id: z.uuid(), state: z.enum(hostStates), progress: z.int() }).nullable(),
};

export const Host = z.object(hostFields).openapi("Host");

export const HostList = listOf(Host).extend({
  facets: z.object({
    health: z.record(z.enum(healthStates), count),
    status: z.record(z.enum(hostStatuses), count),
    os: z.array(z.object({ os: z.string(), name: z.string(), count })),
    groups: z.array(z.object({ id: z.uuid(), name: z.string(), count })),
    ungrouped: count,
  }).openapi({ description: "How many hosts each value of a filter would show, with the other filters as they are." }),
}).openapi("HostList");

export const HostDetail = z.object({
  ...hostFields,
  display_name: z.string(),
  tls_name: z.string().openapi({ description: "What its certificate must be for." }),
  source: z.enum(["manual", "enrolment"]),
  kernel: z.string().nullable(),
  package_manager: z.string().nullable(),
  virtualization: z.string().nullable(),
  agent_name: z.string().nullable(),
  agent_version: z.string().nullable(),
  boot_time: Instant.nullable(),
  reboot_reasons: z.array(z.string()),
  certificate_expires_at: Instant.nullable(),
  certificate_serial: z.string().nullable(),
  certificate_fingerprint: z.string().nullable(),
  renewal: z.object({
    state: z.enum(["due", "requested", "signed", "installed", "manual"]),
    error: z.string().nullable(),
    attempts: count,
  }).nullable().openapi({ description: "Of its certificate. manual: this agent cannot; null: none is under way." }),
  notes: z.string(),
  created_at: Instant,
  created_by: z.string().nullable(),
  problems: z.array(z.string()).openapi({ description: "What the host says is wrong, one sentence each." }),
  uptime_seconds: z.number().nullable(),
  polls: z.array(z.object({
    kind: z.enum(pollKinds),
    next_at: Instant,
    last_at: Instant.nullable(),
    last_ok_at: Instant.nullable().openapi({ description: "When the last answered poll began." }),
    last_duration_ms: z.number().nullable(),
    last_error: z.string().nullable(),
    failures: count,
    requested: z.boolean().openapi({ description: "Asked for and not answered yet." }),
    in_progress: z.boolean(),
    parked_reason: z.string().nullable(),
  })),
}).openapi("HostDetail");

export const HostCreated = z.object({
  id: z.uuid(),
  fqdn: z.string(),
  address: z.string(),
  port: z.int(),
  tls_name: z.string(),
}).openapi("HostCreated");

export const HostRemoved = z.object({
  id: z.uuid(),
  cancelled_jobs: count,
  revoked_certificates: count,
}).openapi("HostRemoved");

export const RefreshAccepted = z.object({
  hosts: count,
  polls: count.openapi({ description: "Polls that are due now." }),
}).openapi("RefreshAccepted");

export const HostPatch = z.object({
  name: z.string(),
  arch: z.string(),
  current_version: z.string().nullable(),
  available_version: z.string(),
  repositories: z.array(z.string()),
  security: z.boolean(),
  security_known: z.boolean().openapi({ description: "False where the agent does not say whether it is." }),
  security_version: z.string().nullable(),
  severity,
  severity_source: z.string().openapi({ description: "vendor-advisory, none, or unverified: guessed by the agent." }),
  cve_ids: z.array(z.string()),
  cve_source: z.string(),
  advisory_ids: z.array(z.string()),
  size_bytes: z.number().nullable(),
  installed_size_delta_bytes: z.number().nullable(),
  source_package: z.string().nullable(),
  description: z.string().nullable(),
  requires_reboot: z.boolean(),
  state: z.enum(patchStates).openapi({ description: "`installable` is the only one that the next apply installs." }),
  state_reason: z.string().nullable(),
  phased_percent: z.number().nullable(),
  new_dependencies: z.array(z.string()),
  removes: z.array(z.string()).openapi({ description: "What it would remove; then it is never installed." }),
  reboot_reason: z.string().nullable(),
  first_seen_at: Instant,
}).openapi("HostPatch");
export const HostPatchList = listOf(HostPatch).openapi("HostPatchList");

export const HostPackage = z.object({
  name: z.string(),
  arch: z.string(),
  version: z.string(),
  held: z.boolean(),
  size_bytes: z.number().nullable(),
  source_package: z.string().nullable(),
  installed_at: Instant.nullable(),
  available_version: z.string().nullable().openapi({ description: "Version that is pending; null when none is." }),
}).openapi("HostPackage");
export const HostPackageList = listOf(HostPackage).openapi("HostPackageList");

export const HostJob = z.object({
  job_id: z.uuid(),
  kind: z.enum(jobKinds),
  requested_by: z.string(),
  reason: z.string(),
  state: z.enum(hostStates),
  progress: z.int(),
  message: z.string(),
  error: z.string().nullable(),
  patches: count,
  applied: count,
  failed: count,
  queued_at: Instant,
  started_at: Instant.nullable(),
  ended_at: Instant.nullable(),
}).openapi("HostJob");
export const HostJobList = listOf(HostJob).openapi("HostJobList");

export const HostGroupList = listOf(name.openapi("GroupName")).openapi("HostGroupList");
