import { EnrolRequest } from "../../protocol/enrolment.ts";
import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { readCsr } from "../ca/csr.ts";
import { type Sql, transaction } from "../database/connection.ts";
import type { Tx } from "../database/types.ts";
import { AppError, type Problem } from "../errors.ts";
import { readHostAddress } from "../hosts/address.ts";
import { findExisting } from "../hosts/find_existing.ts";
import { DEFAULT_AGENT_PORT } from "../hosts/types.ts";
import { secretToken, sha256, uuidv7 } from "../ids.ts";
import { appendEvent } from "../live/append_event.ts";
import { admit, approvalFacts } from "./decide_enrolment.ts";
import { judgeMachine, machineHash, MAX_PENDING, rateExceeded } from "./rules.ts";
import { burnToken, countRefusals, countRequests, expireEarlier, insertEnrolment, lockSource } from "./store.ts";
import type { Enrolment, Issuer, Machine } from "./types.ts";

/** What the settings say. */
export interface EnrolmentLimits {
  rate_per_minute: number;
  pending_days: number;
}

/** What came of a request: how the agent asks for its certificate, and where it stands already. */
export interface RequestedEnrolment {
  polling_token: string;
  state: "approved" | "pending";
}

/**
 * A machine asks to be managed. With a valid one-time token it is let in at once and the token is burned; without
 * one it waits for a person. A copy of a known machine waits in any case, marked, and so does one that asks for a name
 * of the manager itself.
 *
 * @param source address of the caller, from the connection
 * @throws AppError validation_failed, already_enrolled, too_many_requests, enrolment_token_refused (the same answer
 *   for a token that is unknown, used, revoked or expired)
 */
export async function requestEnrolment(
  sql: Sql,
  body: unknown,
  source: string,
  issuer: Issuer,
  limits: EnrolmentLimits,
  context: Context,
): Promise<RequestedEnrolment> {
  const { request, machine } = await readRequest(body);
  const now = context.clock.now();
  const polling_token = secretToken();
  const polling_hash = await sha256(polling_token);
  const tokenHash = request.token === undefined ? null : await sha256(request.token);
  const asked = async (tx: Tx): Promise<RequestedEnrolment | null> => {
    if (tokenHash === null) await keepRate(tx, source, limits, now);
    const token = tokenHash && await burnToken(tx, tokenHash, now);
    if (tokenHash && !token) return null;
    const judgement = judgeMachine(machine, await findExisting(tx, machine));
    if (judgement.kind === "known" || (judgement.kind === "taken" && token)) {
      // Thrown inside the transaction: the token stays usable for the right machine.
      throw judgement.kind === "known" ? new AppError("already_enrolled") : new AppError("already_enrolled", {
        message: "Another host has this name or address.",
        hint: "Remove that host first, or give this machine its own name and address.",
      });
    }
    await expireEarlier(tx, machine);
    const clone_of = judgement.kind === "clone" ? judgement.host.id : null;
    const row: Enrolment = {
      ...machine,
      id: uuidv7(context.clock),
      csr: request.csr ?? null,
      state: "pending",
      token_id: token?.id ?? null,
      clone_of,
      host_id: null,
      certificate_pem: null,
      expires_at: now.add({ hours: 24 * limits.pending_days }),
    };
    await insertEnrolment(tx, {
      ...row,
      polling_hash,
      hostname: request.hostname ?? null,
      os_details: boundedDetails(request.os_details),
      source_address: source,
      created_at: now,
    });
    // Its certificate would be good for the manager's own web listener: whoever holds a token must not get that alone.
    const own_name = issuer.is_own(machine);
    if (token && clone_of === null && !own_name) {
      const host_id = await admit(tx, row, { viewer: null, user_id: null, group_ids: [] }, issuer, context);
      await appendFor(tx, context, {
        action: "enrolment.approve",
        object: { kind: "host", id: host_id, name: machine.fqdn },
        outcome: "success",
        details: approvalFacts(row, token.group_ids),
      });
      return { polling_token, state: "approved" };
    }
    await appendEvent(tx, { topic: "enrolments", kind: "requested", data: { id: row.id } });
    await appendFor(tx, context, {
      action: "enrolment.request",
      object: { kind: "enrolment", id: row.id, name: machine.fqdn },
      outcome: "success",
      details: { address: machine.address, port: machine.port, clone_of, own_name, issued_as: row.token_id },
    });
    return { polling_token, state: "pending" };
  };
  const answer = await transaction(sql, asked);
  if (answer) return answer;
  await noteRefusal(sql, source, limits, machine, context);
  throw new AppError("enrolment_token_refused");
}

async function readRequest(body: unknown): Promise<{ request: EnrolRequest; machine: Machine }> {
  const read = EnrolRequest.safeParse(body);
  if (!read.success) {
    throw invalid(read.error.issues.map((issue) => ({ field: issue.path.join("."), problem: issue.message })));
  }
  const request = read.data;
  const name = readHostAddress(request.fqdn);
  if (name.kind === "problem") throw invalid([{ field: "fqdn", problem: name.problem, hint: name.hint }]);
  const address = readHostAddress(request.ip_address);
  if (address.kind !== "address") {
    const problem = address.kind === "problem" ? address.problem : "This is a name, not an address.";
    throw invalid([{ field: "ip_address", problem, hint: "Give the address at which the agent listens." }]);
  }
  // Before anything is kept: a bad request must not wait in the queue until somebody approves it in vain.
  if (request.csr !== undefined) await readCsr(request.csr);
  const fqdn = name.kind === "name" ? name.name : name.address;
  const port = request.port ?? DEFAULT_AGENT_PORT;
  return { request, machine: { machine_hash: machineHash(request.machine_id), fqdn, address: address.address, port } };
}

function invalid(details: Problem[]): AppError {
  return new AppError("validation_failed", { details });
}

async function keepRate(tx: Tx, source: string, limits: EnrolmentLimits, now: Temporal.Instant): Promise<void> {
  await lockSource(tx, source);
  const { recent, pending } = await countRequests(tx, source, now.subtract({ minutes: 1 }), now);
  if (rateExceeded(recent, limits.rate_per_minute)) throw new AppError("too_many_requests");
  if (pending >= MAX_PENDING) {
    throw new AppError("too_many_requests", {
      message: "Too many enrolment requests wait already.",
      hint: "Ask an admin to decide them, or enrol with a one-time token.",
    });
  }
}

/** Guessing is written down, but not without bound: from some number on the guesser is only told to wait. */
async function noteRefusal(
  sql: Sql,
  source: string,
  limits: EnrolmentLimits,
  machine: Machine,
  context: Context,
): Promise<void> {
  await transaction(sql, async (tx) => {
    await lockSource(tx, source);
    const refusals = await countRefusals(tx, source, context.clock.now().subtract({ minutes: 1 }));
    if (rateExceeded(refusals, limits.rate_per_minute)) throw new AppError("too_many_requests");
    await appendFor(tx, { ...context, address: source }, {
      action: "enrolment.request",
      object: { kind: "machine", id: machine.address, name: machine.fqdn },
      outcome: "denied",
      details: { reason: "token refused", port: machine.port },
    });
  });
}

/** Facts of an unknown machine: only short texts, at most 32 of them. */
function boundedDetails(details: Record<string, unknown>): Record<string, string> {
  const texts = Object.entries(details).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(
    texts.slice(0, 32).map((
      [key, value],
    ) => [key.toWellFormed(), value.replaceAll("\u0000", "").slice(0, 200).toWellFormed()]),
  );
}
