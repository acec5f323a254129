import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import type { Tx } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { createHost } from "../hosts/create_host.ts";
import { orTaken } from "../hosts/host_taken.ts";
import { isUuid } from "../ids.ts";
import { appendEvent } from "../live/append_event.ts";
import { issueForHost } from "./issue_certificate.ts";
import { cloneHash } from "./rules.ts";
import { decide, lockEnrolment, mayDecide, saysSimulated, tokenGroups } from "./store.ts";
import type { Enrolment, Issuer } from "./types.ts";
import { isIP } from "node:net";

/** Until the agent collected its certificate it cannot answer; should it never come, polls begin after this. */
const FIRST_POLL_MINUTES = 10;

/**
 * Lets a machine in: host, polls and certificate come into being in one transaction. The agent collects the
 * certificate with its next question.
 *
 * @param groupIds groups that the host joins besides those of the token
 * @throws AppError enrolment_not_found (also out of scope, decided or expired), host_exists when name or address are
 *   taken meanwhile, validation_failed
 */
export function approveEnrolment(
  sql: Sql,
  viewer: string,
  enrolmentId: string,
  groupIds: string[],
  issuer: Issuer,
  context: Context,
): Promise<{ host_id: string }> {
  const approve = () =>
    transaction(sql, async (tx) => {
      const enrolment = await openEnrolment(tx, viewer, enrolmentId, context);
      const host_id = await admit(
        tx,
        enrolment,
        { viewer, user_id: context.actor.id ?? null, group_ids: groupIds },
        issuer,
        context,
      );
      await appendFor(tx, context, {
        action: "enrolment.approve",
        object: { kind: "host", id: host_id, name: enrolment.fqdn },
        outcome: "success",
        details: approvalFacts(enrolment, groupIds),
      });
      return { host_id };
    });
  return orTaken(sql, "enrolment.approve", context, approve);
}

/**
 * Refuses a machine; its agent hears "denied" until the request expires.
 * @throws AppError enrolment_not_found (also out of scope, decided or expired)
 */
export function denyEnrolment(sql: Sql, viewer: string, enrolmentId: string, context: Context): Promise<void> {
  return transaction(sql, async (tx) => {
    const enrolment = await openEnrolment(tx, viewer, enrolmentId, context);
    const at = context.clock.now();
    await decide(tx, enrolment.id, {
      state: "denied",
      at,
      by: context.actor.id ?? null,
      host_id: null,
      certificate_id: null,
    });
    await appendEvent(tx, { topic: "enrolments", kind: "denied", data: { id: enrolment.id } });
    await appendFor(tx, context, {
      action: "enrolment.deny",
      object: { kind: "enrolment", id: enrolment.id, name: enrolment.fqdn },
      outcome: "success",
      details: { address: enrolment.address, port: enrolment.port },
    });
  });
}

async function openEnrolment(tx: Tx, viewer: string, id: string, context: Context): Promise<Enrolment> {
  const enrolment = isUuid(id) ? await lockEnrolment(tx, id) : null;
  const open = enrolment?.state === "pending" &&
    Temporal.Instant.compare(enrolment.expires_at, context.clock.now()) > 0;
  if (!enrolment || !open || !await mayDecide(tx, viewer, enrolment.token_id)) {
    throw new AppError("enrolment_not_found");
  }
  return enrolment;
}

/**
 * Makes the host and, where there is a request for one, its certificate; marks the enrolment approved. For callers
 * that hold the enrolment's lock or have just made it.
 * @returns the host's id
 */
export async function admit(
  tx: Tx,
  enrolment: Enrolment,
  by: { /** Whose eyes it is let in with. */ viewer: string | null; user_id: string | null; group_ids: string[] },
  issuer: Issuer,
  context: Context,
): Promise<string> {
  const at = context.clock.now();
  const fromToken = await tokenGroups(tx, enrolment.token_id);
  const host_id = await createHost(tx, {
    fqdn: enrolment.fqdn,
    address: enrolment.address,
    port: enrolment.port,
    tls_name: isIP(enrolment.fqdn) === 0 ? enrolment.fqdn : enrolment.address,
    machine_hash: enrolment.clone_of === null ? enrolment.machine_hash : cloneHash(enrolment),
    source: "enrolment",
    simulated: await saysSimulated(tx, enrolment.id),
    viewer: by.viewer,
    created_by: by.user_id,
    group_ids: by.group_ids,
    granted_group_ids: fromToken,
    first_poll_at: at.add({ minutes: FIRST_POLL_MINUTES }),
  }, context.clock);
  const issued = { at, by: by.user_id };
  const certificate = enrolment.csr === null
    ? null
    : await issueForHost(tx, issuer, host_id, enrolment.csr, issued, context.clock);
  await decide(tx, enrolment.id, {
    state: "approved",
    at,
    by: by.user_id,
    host_id,
    certificate_id: certificate?.id ?? null,
  });
  await appendEvent(tx, { topic: "enrolments", host_id, kind: "approved", data: { id: enrolment.id, host_id } });
  return host_id;
}

/** What the audit log keeps of an approval. */
export function approvalFacts(enrolment: Enrolment, groupIds: string[]): Record<string, unknown> {
  const { id, address, port, token_id: issued_as, clone_of, csr } = enrolment;
  return { enrolment: id, address, port, issued_as, clone_of, own_key: csr !== null, groups: groupIds };
}
