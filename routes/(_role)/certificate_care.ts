import type { CurrentCrl } from "../../core/certificates/current_crl.ts";
import { publishRevocationList } from "../../core/certificates/revocation_list.ts";
import { signRenewals } from "../../core/certificates/sign_renewals.ts";
import { startRenewals } from "../../core/certificates/start_renewals.ts";
import type { Clock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import type { Issuer } from "../../core/enrolment/types.ts";
import { reason } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** How often requests to sign and revocations are looked for, in milliseconds. */
const TURN_MS = 5_000;
/** How often due certificates are looked for: they have a third of their lifetime left then. */
const DUE_MS = 600_000;

export interface CertificateCareOptions {
  sql: Sql;
  issuer: Issuer;
  crl: CurrentCrl;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  turn_ms?: number;
}

export interface CertificateCare {
  /** Waits for the turn that runs. */
  stop(): Promise<void>;
}

/**
 * What only the role with the CA's key can do for certificates of hosts: say which are due, sign requests that the
 * fleet role brought, and publish what was revoked. All of it is in the database, so a turn that fails is made up for
 * by the next.
 */
export function startCertificateCare(options: CertificateCareOptions): CertificateCare {
  const { sql, issuer, crl, clock, log, signal, turn_ms = TURN_MS } = options;
  let looked_at = -Infinity;
  let running: Promise<void> | null = null;
  const turn = async () => {
    try {
      if (performance.now() - looked_at >= DUE_MS) {
        const count = await startRenewals(sql, clock);
        if (count > 0) log.info("certificates.due", { count });
        looked_at = performance.now();
      }
      const { signed, retired } = await signRenewals(sql, issuer, clock);
      if (signed + retired > 0) log.info("certificates.renewed", { count: retired, message: `${signed} signed.` });
      await publishRevocationList(sql, crl, clock);
    } catch (thrown) {
      if (!signal.aborted) log.warn("web.certificate_care_failed", { message: reason(thrown) });
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
      await running;
    },
  };
}
