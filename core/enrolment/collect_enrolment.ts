import type { EnrolStatus } from "../../protocol/enrolment.ts";
import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { sha256 } from "../ids.ts";
import { issueForHost } from "./issue_certificate.ts";
import { lockPolled, markCollected, pollSoon, selectNames } from "./store.ts";
import type { Issuer } from "./types.ts";

/** An agent needs a moment to start its listener with the certificate that it just got. */
const LISTENING_AFTER_SECONDS = 5;

/**
 * Answers an agent that asks where its request stands. "approved" comes once, with everything it needs; a token that
 * is unknown, expired or was answered already gets "notfound". An agent without a request of its own gets a key made
 * now, which is kept nowhere.
 */
export async function collectEnrolment(
  sql: Sql,
  pollingToken: string,
  issuer: Issuer,
  context: Context,
): Promise<EnrolStatus> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(pollingToken)) return { status: "notfound" };
  const hash = await sha256(pollingToken);
  return await transaction(sql, async (tx): Promise<EnrolStatus> => {
    const enrolment = await lockPolled(tx, hash);
    const now = context.clock.now();
    if (!enrolment || Temporal.Instant.compare(enrolment.expires_at, now) <= 0) return { status: "notfound" };
    if (enrolment.state === "pending" || enrolment.state === "denied") return { status: enrolment.state };
    if (enrolment.state !== "approved" || enrolment.host_id === null) return { status: "notfound" };
    const host = await selectNames(tx, enrolment.host_id);
    if (host.removed) return { status: "notfound" };
    const made = enrolment.certificate_pem === null
      ? await issueForHost(tx, issuer, enrolment.host_id, enrolment.csr, { at: now, by: null }, context.clock)
      : null;
    await markCollected(tx, enrolment.id, now, made?.id ?? null);
    await pollSoon(tx, enrolment.host_id, now.add({ seconds: LISTENING_AFTER_SECONDS }));
    const crl_pem = await issuer.crl();
    await appendFor(tx, context, {
      action: "certificate.collect",
      object: { kind: "host", id: enrolment.host_id, name: host.fqdn },
      outcome: "success",
      details: { enrolment: enrolment.id, own_key: enrolment.csr !== null },
    });
    return {
      status: "approved",
      ca_crt: issuer.root_pem,
      ca_chain: issuer.root_pem,
      server_crt: made?.certificate.certificate_pem ?? enrolment.certificate_pem!,
      ...(made?.private_key_pem ? { server_key: made.private_key_pem } : {}),
      crl_pem,
      repo_config: null,
    };
  });
}
