import { type Clock, rfc3339 } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { appendAudit } from "./append_audit.ts";
import type { AuditProof } from "./proof.ts";
import { signStatement } from "./statements.ts";
import { lastRowBefore, pruneRows } from "./store.ts";

/** Rows that are removed at once: each batch is a transaction of some tenths of a second. */
export const PRUNE_BATCH = 5_000;

/**
 * Removes a batch of rows that are older than `days` from the start of the chain, behind a signed marker from which the
 * rest still verifies; the removal is a row of the log itself. Call it only for a log that was found intact just before:
 * what is gone cannot be looked at any more.
 *
 * @param days at least 184, see the setting; the database itself keeps 180
 * @returns rows that were removed; fewer than {@link PRUNE_BATCH} when there are no more
 */
export async function pruneAudit(sql: Sql, proof: AuditProof, days: number, clock: Clock): Promise<number> {
  const before = clock.now().subtract({ hours: days * 24 });
  return await transaction(sql, async (tx) => {
    const last = await lastRowBefore(tx, before, PRUNE_BATCH);
    if (last === null) return 0;
    const marker = signStatement(proof.signer, { kind: "retention", ...last, at: rfc3339(clock.now()) });
    const rows = await pruneRows(tx, marker);
    await appendAudit(tx, {
      actor: { kind: "system", name: "retention" },
      action: "audit.prune",
      outcome: "success",
      details: { rows, through: last.seq, hash: last.hash, older_than_days: days },
    }, clock);
    return rows;
  });
}
