import type { Clock } from "../clock.ts";

/** Who did it. `system` is one of our own loops, `agent` a managed host, `anonymous` somebody not signed in. */
export interface Actor {
  kind: "user" | "system" | "agent" | "anonymous";
  id?: string | null;
  name?: string | null;
}

/** What every use case that changes something is told about its caller. */
export interface Context {
  actor: Actor;
  /** The caller's address as text; null for our own loops. */
  address: string | null;
  /** ULID of the HTTP request; null for our own loops. */
  request_id: string | null;
  /** The API token that the caller came with: the audit row names it in its details. */
  token?: { id: string; name: string } | null;
  clock: Clock;
}

/** One thing that happened, for {@link import("./append_audit.ts").appendAudit}. */
export interface AuditEntry {
  actor: Actor;
  address?: string | null;
  request_id?: string | null;
  /** `noun.verb`: host.create, login.failure, job.create. */
  action: string;
  object?: { kind: string; id: string; name?: string | null } | null;
  outcome: "success" | "failure" | "denied";
  /** Facts, never secrets. Lists longer than fit are kept as count and hash. */
  details?: Record<string, unknown>;
}

/**
 * What found a broken row: the chain itself, a signed checkpoint in the database, or one outside of it. What only the
 * last can find is whatever somebody did who may write everything in the database.
 */
export type FoundBy = "chain" | "database" | "outside";

/**
 * What a verification found. `first_broken` is the lowest sequence number that does not hold; `rows` counts the rows
 * that hold, from the first that is kept.
 */
export type AuditVerdict =
  | {
    intact: true;
    rows: number;
    /** Hash of the last row, hexadecimal. */
    head: string;
    /** Number of the first row that is kept: 1 until rows were removed by age. */
    first: number;
    /** How many signed checkpoints agree with the rows, and how many of them lie outside of the database. */
    checkpoints: number;
    outside: number;
    /** The last row that a checkpoint outside of the database proves; null when none does. */
    proven_to: number | null;
    /** Statements that nothing can be said of: lines cut off, keys that are not known here. */
    unknown: number;
  }
  | { intact: false; rows: number; first_broken: number; problem: string; found_by: FoundBy };

/** A run of the verification, as it is shown. */
export interface Verification {
  id: string;
  cause: "asked" | "nightly";
  asked_by: string | null;
  started_at: Temporal.Instant;
  ended_at: Temporal.Instant | null;
  /** Rows that were looked at so far, and rows to look at. */
  checked: number;
  total: number;
  /** `interrupted`: the manager was restarted while it ran. */
  state: "running" | "intact" | "broken" | "interrupted";
  verdict: AuditVerdict | null;
}
