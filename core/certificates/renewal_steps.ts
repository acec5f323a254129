import type { Sql } from "../database/connection.ts";
import { claim, type ClaimedRenewal, move } from "./renewal_store.ts";
import { MANUAL_SECONDS, MAX_RENEWALS, retrySeconds } from "./rules.ts";

export type { ClaimedRenewal } from "./renewal_store.ts";

/** Longer than two exchanges with a host may take. */
const LEASE_MS = 120_000;

/**
 * Renewals whose hosts are to be talked to, oldest first. One that a dead worker had is among them once its lease has
 * ended, where it stood.
 * @param running how many are on their way already.
 */
export function claimRenewals(sql: Sql, running: number): Promise<ClaimedRenewal[]> {
  const room = MAX_RENEWALS - running;
  return room <= 0 ? Promise.resolve([]) : claim(sql, room, LEASE_MS);
}

/** The host made a key and a request for it: the web role signs. */
export function recordRequest(sql: Sql, renewal: ClaimedRenewal, csr: string): Promise<boolean> {
  return move(sql, renewal, "requested", { csr, attempts: 0, error: null, next_in_seconds: 0 });
}

/** The host shows the new certificate: the web role retires the old one. */
export function recordInstalled(sql: Sql, renewal: ClaimedRenewal): Promise<boolean> {
  return move(sql, renewal, "installed", { attempts: 0, error: null, next_in_seconds: 0 });
}

/**
 * It did not work; tried again after a growing pause.
 * @param from_start the host wants another certificate than the one that was made: a new request is needed.
 */
export function recordRenewalFailure(
  sql: Sql,
  renewal: ClaimedRenewal,
  error: string,
  from_start: boolean,
): Promise<boolean> {
  return move(sql, renewal, from_start ? "due" : renewal.state, {
    attempts: renewal.attempts + 1,
    error: error.slice(0, 2_000),
    next_in_seconds: retrySeconds(renewal.attempts),
  });
}

/** This agent does not know how: a person renews, and it is asked again in a day. */
export function recordManual(sql: Sql, renewal: ClaimedRenewal): Promise<boolean> {
  return move(sql, renewal, "manual", {
    attempts: 0,
    error: "This agent cannot renew its certificate over the network. Renew it by hand, or enrol the host again.",
    next_in_seconds: MANUAL_SECONDS,
  });
}
