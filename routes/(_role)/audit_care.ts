import type { AuditDesk } from "../../core/audit/audit_desk.ts";
import { careAtNight } from "../../core/audit/nightly.ts";
import { signCheckpoints } from "../../core/audit/sign_checkpoints.ts";
import { tellOfFullQueue } from "../../core/auth/full_queue.ts";
import type { Clock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** How often new rows are looked for, in milliseconds: so much later than due a checkpoint may be. */
const TURN_MS = 15_000;
/** A broken log is said again after so long. */
const REPEAT_MS = 3_600_000;

export interface AuditCareOptions {
  sql: Sql;
  desk: AuditDesk;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  turn_ms?: number;
}

export interface AuditCare {
  /** Waits for the turn that runs. */
  stop(): Promise<void>;
}

/**
 * What only the role with the signing key can do for the audit log: checkpoints, the nightly verification, retention.
 * All of it is found in the database, so a turn that fails is made up for by the next.
 */
export function startAuditCare({ sql, desk, clock, log, signal, turn_ms = TURN_MS }: AuditCareOptions): AuditCare {
  let complained = -Infinity;
  let running: Promise<void> | null = null;
  const turn = async () => {
    try {
      await tellOfFullQueue(sql, clock);
      const { problem } = await signCheckpoints(sql, desk.proof, clock, log);
      if (problem !== null && performance.now() - complained >= REPEAT_MS) {
        complained = performance.now();
        log.error("audit.broken", {
          message:
            `Row ${problem.seq} of the audit log does not hold: ${problem.problem}. Nothing is signed from there on.`,
        });
      }
      if (!signal.aborted) await careAtNight(sql, desk, clock, log);
    } catch (thrown) {
      if (!signal.aborted) log.warn("web.audit_care_failed", { message: reason(thrown) });
    }
  };
  const begin = () => {
    if (signal.aborted || running !== null) return;
    running = turn().finally(() => running = null);
  };
  begin();
  const timer = setInterval(begin, turn_ms);
  return {
    async stop() {
      clearInterval(timer);
      await desk.stop();
      await running;
      await tellOfFullQueue(sql, clock, true).catch((thrown) =>
        log.warn("web.audit_care_failed", { message: reason(thrown) })
      );
    },
  };
}
