import { z } from "@hono/zod-openapi";
import { Instant, listOf } from "./api_app.ts";

export const Entry = z.object({
  seq: z.int(),
  at: Instant,
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  action: z.string(),
  object_kind: z.string().nullable(),
  object_id: z.string().nullable(),
  object_name: z.string().nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string().openapi({ description: "Of the row within the chain, hexadecimal." }),
}).openapi("AuditEntry");
export const EntryList = listOf(Entry).openapi("AuditEntryList");

const verdict = z.object({
  intact: z.boolean(),
  rows: z.int().openapi({ description: "Rows that hold, from the first that is kept." }),
  head: z.string().nullable().openapi({ description: "Hash of the last row; null when the chain is broken." }),
  first: z.int().nullable().openapi({ description: "Number of the first row that is kept." }),
  checkpoints: z.int().nullable().openapi({ description: "Signed checkpoints that agree with the rows." }),
  outside: z.int().nullable().openapi({ description: "Those of them that lie outside of the database." }),
  proven_to: z.int().nullable().openapi({ description: "Last row that a checkpoint outside of the database proves." }),
  unknown: z.int().nullable().openapi({ description: "Statements cut off, or of a key that is not known here." }),
  first_broken: z.int().nullable().openapi({ description: "The first row that does not hold." }),
  problem: z.string().nullable(),
  found_by: z.enum(["chain", "database", "outside"]).nullable().openapi({
    description: "The chain itself, a checkpoint in the database, or one outside of it.",
  }),
});
export const Verdict = verdict.openapi("AuditVerdict");

/** A verdict has only the members of its kind; on the wire all are there. */
export function wholeVerdict(found: object): z.input<typeof Verdict> {
  return {
    ...{ head: null, first: null, checkpoints: null, outside: null, proven_to: null, unknown: null },
    ...{ first_broken: null, problem: null, found_by: null },
    ...found,
  } as z.input<typeof Verdict>;
}

export const VerificationRun = z.object({
  id: z.uuid(),
  cause: z.enum(["asked", "nightly"]),
  asked_by: z.string().nullable(),
  started_at: Instant,
  ended_at: Instant.nullable(),
  state: z.enum(["running", "intact", "broken", "interrupted"]),
  checked: z.int().openapi({ description: "Rows that were looked at so far." }),
  total: z.int().openapi({ description: "Rows to look at." }),
  verdict: verdict.nullable(),
}).openapi("AuditVerification");
export const VerificationList = listOf(VerificationRun).openapi("AuditVerificationList");

const Statement = z.object({
  kind: z.enum(["checkpoint", "retention"]),
  seq: z.int(),
  hash: z.string(),
  at: Instant,
  key_id: z.string(),
  signature: z.string().openapi({ description: "Ed25519, base64." }),
});

/** The export; its rows stand as they were hashed, one a line. */
export const Export = z.object({
  format: z.string(),
  exported_at: Instant,
  filter: z.record(z.string(), z.unknown()),
  complete: z.boolean().openapi({ description: "False with a filter; only a whole one can be verified." }),
  marker: Statement.nullable().openapi({ description: "Stands for the rows that were removed by age." }),
  head: z.object({ seq: z.int(), hash: z.string() }),
  checkpoints: z.array(Statement),
  public_keys: z.array(z.string()).openapi({ description: "PEM." }),
  rows: z.array(z.object({
    seq: z.int(),
    previous_hash: z.string(),
    hash: z.string(),
    entry: z.record(z.string(), z.unknown()).optional().openapi({ description: "Canonical JSON (RFC 8785)." }),
    payload_base64: z.string().optional().openapi({ description: "Instead of `entry`, where it is not canonical." }),
  })),
  count: z.int(),
}).openapi("AuditExport");
