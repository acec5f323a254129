import { appendAudit } from "../audit/append_audit.ts";
import { renewalDue } from "../ca/rules.ts";
import { type Clock, rfc3339 } from "../clock.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { issueForHost } from "../enrolment/issue_certificate.ts";
import type { Issuer } from "../enrolment/types.ts";
import { AppError } from "../errors.ts";
import { lockInstalled, lockRequested, refuse, retire, revokeUnused, saveSigned, wakeFleet } from "./renewal_store.ts";
import { retrySeconds } from "./rules.ts";

const system = { kind: "system" as const, name: "certificates" };

/**
 * Signs what the fleet role brought, and retires certificates whose successor the host uses. Each in a transaction of
 * its own, so that one that is refused keeps nobody else waiting. The names are from the host's record; of the request
 * only the public key is taken.
 * @returns how many were signed and how many retired.
 */
export async function signRenewals(
  sql: Sql,
  issuer: Issuer,
  clock: Clock,
): Promise<{ signed: number; retired: number }> {
  let signed = 0;
  let retired = 0;
  while (await transaction(sql, (tx) => signOne(tx, issuer, clock))) signed++;
  while (await transaction(sql, (tx) => retireOne(tx, clock))) retired++;
  return { signed, retired };
}

async function signOne(tx: Tx, issuer: Issuer, clock: Clock): Promise<boolean> {
  const request = await lockRequested(tx);
  if (!request) return false;
  const now = clock.now();
  const { host_id, csr, attempts } = request;
  const no = async (problem: string) => {
    await refuse(tx, host_id, attempts + 1, problem.slice(0, 2_000), retrySeconds(attempts));
    return true;
  };
  // The request came through the role that talks to hosts: whether one is due at all is looked up again.
  if (request.revoked) return await no("The host's certificate was revoked: enrol it again.");
  if (!renewalDue(request, now)) return await no("The host's certificate is not due for renewal.");
  let made: Awaited<ReturnType<typeof issueForHost>>;
  try {
    made = await issueForHost(tx, issuer, host_id, csr, { at: now, by: null }, clock);
  } catch (error) {
    // Its own refusals come before anything is written.
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const words = error.details.map(({ problem }) => problem).join(" ") || error.message;
    return await no(`The host's request was refused. ${words}`);
  }
  // Refused by the host, so that it asked anew.
  await revokeUnused(tx, host_id, now);
  const { certificate } = made;
  const { certificate_pem: pem, not_after, serial } = certificate;
  await saveSigned(tx, host_id, { id: made.id, pem, not_after }, request.not_after, now);
  await wakeFleet(tx, { kind: "renewal", id: host_id });
  await appendAudit(tx, {
    actor: system,
    action: "certificate.issue",
    object: { kind: "host", id: host_id, name: request.fqdn },
    outcome: "success",
    details: { serial, not_after: rfc3339(not_after), renews: request.serial },
  }, clock);
  return true;
}

async function retireOne(tx: Tx, clock: Clock): Promise<boolean> {
  const renewal = await lockInstalled(tx);
  if (!renewal) return false;
  await retire(tx, renewal);
  await appendAudit(tx, {
    actor: system,
    action: "certificate.renewed",
    object: { kind: "host", id: renewal.host_id, name: renewal.fqdn },
    outcome: "success",
    details: { serial: renewal.serial, not_after: rfc3339(renewal.not_after), replaced: renewal.old_serial },
  }, clock);
  return true;
}
