import { type Clock, rfc3339 } from "../clock.ts";
import type { Db } from "../database/connection.ts";
import { auditPayload } from "./rules.ts";
import { insertEntry } from "./store.ts";
import type { AuditEntry, Context } from "./types.ts";

/**
 * Adds one row to the audit chain and returns its sequence number, from 1.
 *
 * Call it as the last statement of the transaction that it proves: it holds the lock on the chain's head until the
 * transaction ends, so whatever comes after it makes every other change of the product wait.
 */
export async function appendAudit(db: Db, entry: AuditEntry, clock: Clock): Promise<number> {
  return await insertEntry(db, await auditPayload(entry, rfc3339(clock.now())));
}

/** The same with the caller's context filled in. */
export function appendFor(
  db: Db,
  context: Context,
  entry: Omit<AuditEntry, "actor" | "address" | "request_id">,
): Promise<number> {
  const { actor, address, request_id, token, clock } = context;
  const details = token ? { ...entry.details, token_id: token.id, token_name: token.name } : entry.details;
  return appendAudit(db, { actor, address, request_id, ...entry, details }, clock);
}
