import { z } from "zod";
import { CertificateSigningRequest } from "../protocol/api.ts";
import {
  type ClaimedRenewal,
  claimRenewals,
  recordInstalled,
  recordManual,
  recordRenewalFailure,
  recordRequest,
} from "../core/certificates/renewal_steps.ts";
import type { Sql } from "../core/database/connection.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type AgentAddress, type AgentClient, AgentError } from "./agent_client.ts";
import { isPassing } from "./passing_failure.ts";

/** How often due renewals are looked for when nobody calls, in milliseconds. */
export const RENEWAL_INTERVAL_MS = 30_000;

export interface RenewerOptions {
  sql: Sql;
  agents: Pick<AgentClient, "request">;
  log: Log;
  /** Begins nothing new; what is on its way ends with the client. */
  signal: AbortSignal;
  /** A place became free while more may be waiting. */
  on_free?: () => void;
}

/** Brings requests from hosts and certificates to them, a few at once, each for itself. */
export interface Renewer {
  /** Takes what is due, as far as there is room. False: who waits for a signature comes back with a call. */
  turn(): Promise<boolean>;
  readonly running: number;
  /** Waits for what is on its way. */
  idle(): Promise<void>;
}

export function createRenewer(options: RenewerOptions): Renewer {
  const { sql, signal, on_free = () => {} } = options;
  const running = new Set<Promise<void>>();
  return {
    get running() {
      return running.size;
    },
    async turn() {
      if (signal.aborted) return false;
      for (const renewal of await claimRenewals(sql, running.size)) {
        const work = renewOne(options, renewal).finally(() => {
          running.delete(work);
          on_free();
        });
        running.add(work);
      }
      return false;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** Never rejects: a failure is written to its own row. */
async function renewOne(options: RenewerOptions, renewal: ClaimedRenewal): Promise<void> {
  const { sql, log } = options;
  const words = log.with({ host_id: renewal.host_id });
  try {
    if (renewal.state === "signed") await bring(options, renewal);
    else await fetchRequest(options, renewal);
  } catch (error) {
    if (options.signal.aborted) return;
    // The lease ends, and it is taken up again where it stands.
    if (isPassing(error)) return words.warn("renewal.interrupted", { message: reason(error) });
    words.warn("renewal.failed", { message: reason(error) });
    // What the host refuses it refuses again: with a new request it may not.
    const from_start = error instanceof AgentError && isRefusal(error);
    await recordRenewalFailure(sql, renewal, reason(error), from_start).catch((again) => {
      words.error("renewal.not_recorded", { message: reason(again) });
    });
  }
}

async function fetchRequest({ sql, agents, log, signal }: RenewerOptions, renewal: ClaimedRenewal): Promise<void> {
  try {
    const answer = await agents.request(addressOfRenewal(renewal), {
      method: "POST",
      path: "/api/v1/certificate/csr",
      schema: CertificateSigningRequest,
      signal,
    });
    if (answer.not_modified) throw new AgentError("schema", "The host answered “not modified” to an order.");
    await recordRequest(sql, renewal, answer.data.csr_pem);
  } catch (error) {
    const status = error instanceof AgentError ? error.http?.status : undefined;
    if (status !== 404 && status !== 405) throw error;
    log.info("renewal.manual", { host_id: renewal.host_id });
    await recordManual(sql, renewal);
  }
}

/** Brings the certificate, then looks whether the host shows it: only that is renewed. */
async function bring({ sql, agents, signal }: RenewerOptions, renewal: ClaimedRenewal): Promise<void> {
  const { certificate_pem, crl_pem, not_after } = renewal;
  if (certificate_pem === null || not_after === null) throw new Error("A renewal is signed without a certificate.");
  const host = addressOfRenewal(renewal);
  await agents.request(host, {
    method: "PUT",
    path: "/api/v1/certificate",
    schema: z.unknown(),
    body: { server_crt: certificate_pem, ...(crl_pem === null ? {} : { crl_pem }) },
    signal,
  });
  // A new connection, and a request on it: that is also what tells the agent that its former key can go.
  const { certificate_expires_at: shown } = await agents.request(host, {
    method: "GET",
    path: "/api/v1/health",
    schema: z.unknown(),
    signal,
  });
  if (shown === null || Math.abs(shown.epochMilliseconds - not_after.epochMilliseconds) > 1_000) {
    throw new Error("The host took the new certificate and still shows another one.");
  }
  await recordInstalled(sql, renewal);
}

function isRefusal(error: AgentError): boolean {
  const status = error.http?.status ?? 0;
  return status >= 400 && status < 500 && status !== 429;
}

function addressOfRenewal({ host_id, address, port, tls_name }: ClaimedRenewal): AgentAddress {
  return { id: host_id, address, port, tls_name: tls_name === address ? null : tls_name };
}
