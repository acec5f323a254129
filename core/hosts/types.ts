import { z } from "zod";

export const healthStates = ["pending", "healthy", "degraded", "unreachable"] as const;
/** See section 3 of the specification: never polled, answers well, answers with a problem, does not answer. */
export type HealthState = typeof healthStates[number];

export const pollKinds = ["health", "patches"] as const;
export type PollKind = typeof pollKinds[number];

/** The port of an agent that names none. */
export const DEFAULT_AGENT_PORT = 12_443;

/** Text for people: no control characters, which could steer a terminal or a CSV reader. */
const words = (max: number) =>
  z.string().trim().max(max, `must have at most ${max} characters`)
    // deno-lint-ignore no-control-regex
    .refine((value) => !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(value), "must not hold control characters");

/** What a person sends to register a host. `address` is a name or an IP address. */
export const HostRegistration = z.strictObject({
  address: z.string().min(1, "must not be empty").max(255, "must have at most 255 characters"),
  port: z.int().min(1, "must be from 1 to 65535").max(65_535, "must be from 1 to 65535").default(DEFAULT_AGENT_PORT),
  display_name: words(200).default(""),
  notes: words(10_000).default(""),
  tags: z.array(words(50).min(1, "must not be empty")).max(32, "must be at most 32").default([]),
  group_ids: z.array(z.uuid("must be the id of a group")).max(100, "must be at most 100").default([]),
});
export type HostRegistration = z.input<typeof HostRegistration>;

/** How the manager finds a host and knows it: what the fleet role needs to connect. */
export interface HostEndpoint {
  /** A name, or the address again when it was registered by address. */
  fqdn: string;
  /** IPv4 or IPv6 in canonical form. */
  address: string;
  port: number;
  /** What its certificate must be for. */
  tls_name: string;
}

/** A host that stands in the way of another one. */
export const ExistingHost = z.object({
  id: z.uuid(),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  display_name: z.string(),
  machine_hash: z.string().nullable(),
});
export type ExistingHost = z.infer<typeof ExistingHost>;

/** A host in short, as {@link import("./find_host.ts").findHost} answers it. */
export const HostSummary = z.object({
  id: z.uuid(),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  tls_name: z.string(),
  display_name: z.string(),
  simulated: z.boolean(),
  source: z.enum(["manual", "enrolment"]),
  health: z.enum(healthStates),
  health_reason: z.string().nullable(),
  created_at: z.instanceof(Temporal.Instant),
});
export type HostSummary = z.infer<typeof HostSummary>;

/** What is known of a host's health. */
export const HealthRecord = z.object({
  health: z.enum(healthStates),
  /** When it became so; for an unreachable host, when it first did not answer. */
  health_since: z.instanceof(Temporal.Instant),
  /** Words that a person can act on; null when healthy. */
  health_reason: z.string().nullable(),
  not_answering_since: z.instanceof(Temporal.Instant).nullable(),
});
export type HealthRecord = z.infer<typeof HealthRecord>;

/** What a poll of a host's health brought. */
export type Observation =
  /** It answered. One sentence per problem that it reports; none means healthy. */
  | { kind: "answered"; problems: string[] }
  /** It answered, but not as agreed: off schema, too large. */
  | { kind: "refused"; reason: string }
  /** It did not answer: no connection, no TLS, no time. */
  | { kind: "failed"; reason: string };

/** A poll that this caller holds until its lease ends. */
export const ClaimedPoll = z.object({
  host_id: z.uuid(),
  kind: z.enum(pollKinds),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  tls_name: z.string(),
  simulated: z.boolean(),
  /** Failures in a row before this one. */
  failures: z.number(),
  claimed_at: z.instanceof(Temporal.Instant),
  lease_until: z.instanceof(Temporal.Instant),
  /** True when a person or a job asked for it. */
  requested: z.boolean(),
  /** Seconds; only with a request that wants a fresh index. */
  max_index_age: z.number().nullable(),
  /** Of the last accepted answers, for If-None-Match. */
  patches_etag: z.string().nullable(),
  packages_etag: z.string().nullable(),
});
export type ClaimedPoll = z.infer<typeof ClaimedPoll>;

/** How a claimed poll ended. */
export type PollResult = { ok: true; duration_ms: number } | { ok: false; duration_ms: number; error: string };

/** What changes in a host's row when it answers; an absent key leaves the column. */
export interface HostFacts {
  os_id?: string | null;
  os_name?: string | null;
  os_version?: string | null;
  kernel?: string | null;
  architecture?: string | null;
  package_manager?: string | null;
  virtualization?: string | null;
  agent_name?: string | null;
  agent_version?: string | null;
  boot_id?: string | null;
  boot_time?: Temporal.Instant | null;
  reboot_required?: boolean;
  reboot_reasons?: string[];
  certificate_expires_at?: Temporal.Instant | null;
  /** Only ever switched on: a simulated host never becomes a real one. */
  simulated?: true;
}
