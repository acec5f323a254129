import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { appendEvent } from "../live/append_event.ts";
import { AppError } from "../errors.ts";
import { cancelWorkOfHost } from "../jobs/cancel_job.ts";
import { wakeFleet } from "./polls_store.ts";
import { deletePolls, lockRegistration, markRemoved, revokeCertificates, selectVisible } from "./store.ts";

/** What went with a host. */
export interface RemovedHost {
  id: string;
  /** How many jobs had open work on it: cancelled where it had not begun, else no longer followed. */
  cancelled_jobs: number;
  /** Serial numbers that belong into the next list of revoked certificates. */
  revoked_serials: string[];
}

/**
 * Removes a host: it is no longer polled, what was queued for it is cancelled, its certificates are revoked. Its
 * history stays.
 *
 * @throws AppError host_not_found, also for a host that the viewer may not see
 */
export function removeHost(sql: Sql, viewer: string, hostId: string, context: Context): Promise<RemovedHost> {
  return transaction(sql, async (tx) => {
    await lockRegistration(tx);
    const host = await selectVisible(tx, viewer, hostId);
    const at = context.clock.now();
    if (!host || !await markRemoved(tx, hostId, at, context.actor.id ?? null)) throw new AppError("host_not_found");
    await deletePolls(tx, hostId);
    const cancelled_jobs = await cancelWorkOfHost(tx, hostId, context);
    const revoked_serials = await revokeCertificates(tx, hostId, at);
    await wakeFleet(tx, { kind: "host", id: hostId });
    for (const topic of ["hosts", `host:${hostId}`]) {
      await appendEvent(tx, { topic, host_id: hostId, kind: "removed", data: { host_id: hostId } });
    }
    await appendFor(tx, context, {
      action: "host.remove",
      object: { kind: "host", id: hostId, name: host.fqdn },
      outcome: "success",
      details: { address: host.address, port: host.port, cancelled_jobs, revoked_serials },
    });
    return { id: hostId, cancelled_jobs, revoked_serials };
  });
}
