import { z } from "zod";
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

/** A stored row as the verification reads it. */
export const AuditRow = z.object({
  seq: z.number().int().positive(),
  action: z.string(),
  payload: z.instanceof(Uint8Array),
  previous_hash: z.instanceof(Uint8Array),
  hash: z.instanceof(Uint8Array),
  at_matches: z.boolean(),
});

/** What a verification found. `first_broken` is the lowest sequence number that does not hold. */
export type AuditVerdict =
  | { intact: true; rows: number; head: string }
  | { intact: false; rows: number; first_broken: number; problem: string };
