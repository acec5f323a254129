import { renewalDue } from "../ca/rules.ts";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { deleteStale, insertDue, selectAgeing, wakeFleet } from "./renewal_store.ts";

/**
 * Marks the hosts whose certificate is past two thirds of its lifetime (moved by its serial number, so that a fleet
 * enrolled in one hour is not renewed in one hour), and forgets renewals that mean nothing any more. For the web role:
 * what is due is decided where the CA's key is.
 * @returns how many were marked.
 */
export async function startRenewals(sql: Sql, clock: Clock): Promise<number> {
  const now = clock.now();
  return await transaction(sql, async (tx) => {
    await deleteStale(tx);
    const due = (await selectAgeing(tx, now)).filter((certificate) => renewalDue(certificate, now));
    if (due.length === 0) return 0;
    await insertDue(tx, due, now);
    await wakeFleet(tx, { kind: "renewal", id: due[0].host_id });
    return due.length;
  });
}
