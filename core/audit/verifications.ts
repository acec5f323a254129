import { z } from "zod";
import type { Db, Sql } from "../database/connection.ts";
import { many, maybe, one, transaction } from "../database/connection.ts";
import { reason } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import type { Log } from "../log.ts";
import { appendFor } from "./append_audit.ts";
import { readOutside } from "./checkpoint_file.ts";
import type { AuditProof } from "./proof.ts";
import type { AuditVerdict, Context, Verification } from "./types.ts";
import { verifyAudit } from "./verify_audit.ts";

/** A verification that has said nothing for so long died with its process. Milliseconds. */
const DEAD_MS = 30_000;
/** How often a running one says how far it is. */
const SAY_MS = 400;

const Row = z.object({
  id: z.uuid(),
  cause: z.enum(["asked", "nightly"]),
  asked_by: z.string().nullable(),
  started_at: z.instanceof(Temporal.Instant),
  ended_at: z.instanceof(Temporal.Instant).nullable(),
  checked: z.number().int(),
  total: z.number().int(),
  verdict: z.unknown(),
  alive: z.boolean(),
});

function shown({ alive, verdict, ...row }: z.infer<typeof Row>): Verification {
  const judged = verdict as AuditVerdict | null;
  const state = judged ? (judged.intact ? "intact" : "broken") : alive && !row.ended_at ? "running" : "interrupted";
  return { ...row, state, verdict: judged };
}

const columns = (db: Db) =>
  db`id, cause, asked_by, started_at, ended_at, checked, total, verdict,
    beat_at > app_now() - ${DEAD_MS} * interval '1 ms' as alive`;

/** The last runs, newest first. */
export async function lastVerifications(db: Db, limit = 5): Promise<Verification[]> {
  const rows = await many(
    Row,
    db`select ${columns(db)} from audit_verifications order by started_at desc, id desc limit ${limit}`,
  );
  return rows.map(shown);
}

/** When the last nightly run began; null when there was none. */
export async function lastNightly(db: Db): Promise<Temporal.Instant | null> {
  const row = await maybe(
    z.object({ started_at: z.instanceof(Temporal.Instant) }),
    db`select started_at from audit_verifications where cause = 'nightly' order by started_at desc limit 1`,
  );
  return row?.started_at ?? null;
}

/**
 * Notes a run, unless one is under way, which is answered then. Who asked is a row of the log either way.
 * @returns the run, and whether the caller is to perform it
 */
export function beginVerification(
  sql: Sql,
  cause: "asked" | "nightly",
  context: Context,
): Promise<{ verification: Verification; begun: boolean }> {
  return transaction(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('audit verification', 0))`;
    const running = (await lastVerifications(tx, 1)).find(({ state }) => state === "running");
    const by = context.actor.name ?? null;
    const verification = running ?? shown(
      await one(
        Row,
        tx`
          insert into audit_verifications (id, cause, asked_by, started_at, beat_at, total)
          select ${uuidv7(context.clock)}, ${cause}, ${by}, app_now(), app_now(), count from
            (select coalesce(max(seq), 0) - coalesce(min(seq) - 1, 0) as count from audit_log) rows
          returning ${columns(tx)}`,
      ),
    );
    await appendFor(tx, context, {
      action: "audit.verify",
      object: { kind: "verification", id: verification.id },
      outcome: "success",
      details: { cause, joined: running !== undefined },
    });
    return { verification, begun: running === undefined };
  });
}

/**
 * Performs a run that was begun, says how far it is, and keeps what it found. Never throws: what stops it is in the log,
 * and the run counts as interrupted then.
 */
export async function performVerification(
  sql: Sql,
  id: string,
  proof: Pick<AuditProof, "keys" | "folder">,
  log: Log,
  signal?: AbortSignal,
): Promise<AuditVerdict | null> {
  const began = performance.now();
  let said = began;
  const say = async (checked: number, total: number) => {
    if (performance.now() - said < SAY_MS) return;
    said = performance.now();
    await sql`update audit_verifications set checked = ${checked}, total = ${total}, beat_at = app_now() where id = ${id}`;
  };
  try {
    const outside = await readOutside(proof.folder);
    const verdict = await verifyAudit(sql, { keys: proof.keys, outside, progress: say, signal });
    await sql`
      update audit_verifications set verdict = ${sql.json(verdict as never)}, checked = ${verdict.rows},
        total = greatest(total, ${verdict.rows}), ended_at = app_now(), beat_at = app_now()
      where id = ${id}`;
    const duration_ms = Math.round(performance.now() - began);
    if (verdict.intact) log.info("audit.verified", { count: verdict.rows, duration_ms });
    else {
      const message = `The audit log is broken at row ${verdict.first_broken}: ${verdict.problem}.`;
      log.error("audit.broken", { count: verdict.rows, duration_ms, message });
    }
    return verdict;
  } catch (thrown) {
    if (signal?.aborted) return null;
    log.error("audit.verification_failed", { message: reason(thrown) });
    await sql`update audit_verifications set ended_at = app_now() where id = ${id}`.catch(() => {});
    return null;
  }
}
