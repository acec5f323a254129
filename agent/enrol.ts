import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { epochMs } from "../core/clock.ts";
import { type EnrolRequest, EnrolStatus } from "../protocol/enrolment.ts";
import type { ListenerCredentials } from "../protocol/listener.ts";
import { LimitError, parseJsonLimited, requestLimits } from "../protocol/limits.ts";
import { readRevocationList } from "../protocol/peer.ts";
import {
  createKeyAndRequest,
  IdentityError,
  issuedProblem,
  prepareState,
  readIfThere,
  storeIdentity,
  writeWhole,
} from "./certificates.ts";
import { type ManagerAnswer, ManagerError, type PinnedManager } from "./enrol_manager.ts";
import type { MachineFacts } from "./enrol_machine.ts";
import { CRL_FILE } from "./revocation.ts";

/** Why an enrolment ended without a certificate. `message` says what is and what to do. */
export class EnrolError extends Error {
  constructor(
    readonly problem:
      | "already_enrolled"
      | "token_refused"
      | "refused"
      | "rate_limited"
      | "denied"
      | "not_found"
      | "timeout"
      | "certificate"
      | "answer",
    message: string,
  ) {
    super(message);
    this.name = "EnrolError";
  }
}

export interface EnrolOptions {
  manager: PinnedManager;
  /** One-time token; null waits for a person's approval. */
  token: string | null;
  fqdn: string;
  /** IPv4 or IPv6 address under which the manager reaches us. */
  address: string;
  port: number;
  machine: MachineFacts;
  /** Our folder, 0700; made when missing. */
  state: string;
  clock: Clock;
  /** How long to wait for approval, milliseconds. */
  wait_ms: number;
  /** Waits so many milliseconds; rejects when the caller gives up. */
  sleep: (milliseconds: number) => Promise<void>;
  /** Told once, when a person has to approve. */
  on_waiting?: () => void;
}

/** What is kept between asking and being approved, so that a restart goes on waiting instead of asking again. */
const Pending = z.object({
  manager: z.string(),
  fqdn: z.string(),
  address: z.string(),
  key_pem: z.string(),
  polling_token: z.string(),
});
type Pending = z.infer<typeof Pending>;

const Enrolment = z.object({
  manager: z.string(),
  fqdn: z.string(),
  address: z.string(),
  port: z.number(),
  /** Addresses of the manager as seen then; who may connect unless the command line says otherwise. */
  manager_addresses: z.array(z.string().max(64)).max(64).default([]),
});
/** Where an enrolled machine is enrolled, and as what. */
export type Enrolment = z.infer<typeof Enrolment>;

const ENROLMENT = "enrolment.json";
const PENDING = "enrolment-pending.json";
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const Accepted = z.object({ polling_token: z.string().regex(/^[A-Za-z0-9._~-]{16,256}$/) });
const Refused = z.object({ error: z.object({ message: z.string(), hint: z.string().optional() }) });

/**
 * Enrols this machine at a manager whose root is pinned: makes a key that never leaves the folder, asks, waits,
 * checks what comes back and keeps it. An interrupted wait goes on at the next call.
 * @throws EnrolError, ManagerError, IdentityError
 */
export async function enrol(options: EnrolOptions): Promise<ListenerCredentials> {
  await prepareState(options.state);
  const pending = await resumable(options) ?? await ask(options);
  const approved = await wait(options, pending);
  const credentials = check(options, pending, approved);
  const { manager, fqdn, address, port } = options;
  const enrolment: Enrolment = {
    ...{ manager: manager.url.href, fqdn, address, port },
    manager_addresses: [...manager.addresses].slice(0, 64),
  };
  await writeWhole(`${options.state}/${ENROLMENT}`, JSON.stringify(enrolment));
  // Last, because this file is what makes the host an enrolled one.
  await storeIdentity(options.state, credentials);
  await storeRevocationList(options.state, approved.crl_pem ?? null, credentials.ca);
  await Deno.remove(`${options.state}/${PENDING}`).catch(() => {});
  return credentials;
}

/** Where this folder's machine is enrolled. @throws IdentityError when it is not, or the file is damaged */
export async function loadEnrolment(state: string): Promise<Enrolment> {
  const path = `${state}/${ENROLMENT}`;
  const text = await readIfThere(path);
  if (text === null) throw new IdentityError(`${path} is missing: this host is not enrolled. Run: patch-agent enrol`);
  try {
    return Enrolment.parse(JSON.parse(text));
  } catch {
    throw new IdentityError(`${path} is damaged. Enrol this host again.`);
  }
}

async function resumable({ state, manager, fqdn, address }: EnrolOptions): Promise<Pending | null> {
  const text = await readIfThere(`${state}/${PENDING}`);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const pending = Pending.safeParse(value).data;
  return pending?.manager === manager.url.href && pending.fqdn === fqdn && pending.address === address ? pending : null;
}

async function ask(options: EnrolOptions): Promise<Pending> {
  const { manager, machine, token, fqdn, address, port, state } = options;
  const { key_pem, csr_pem } = await createKeyAndRequest(fqdn);
  const request: EnrolRequest = {
    machine_id: machine.machine_id_hash,
    fqdn,
    ip_address: address,
    hostname: fqdn.split(".")[0],
    port,
    os_details: machine.os_details,
    csr: csr_pem,
    ...(token === null ? {} : { token }),
  };
  const until = epochMs(options.clock) + options.wait_ms;
  for (;;) {
    const answer = await manager.call("api/v1/enroll", { method: "POST", body: request });
    if (answer.status === 429 && epochMs(options.clock) < until) {
      await options.sleep(retryAfter(answer));
      continue;
    }
    if (answer.status !== 202) throw refusal(answer, manager, token);
    const accepted = Accepted.safeParse(readJson(answer));
    if (!accepted.success) throw new EnrolError("answer", "The manager's answer is not that of an enrolment.");
    const pending: Pending = {
      manager: manager.url.href,
      fqdn,
      address,
      key_pem,
      polling_token: accepted.data.polling_token,
    };
    await writeWhole(`${state}/${PENDING}`, JSON.stringify(pending));
    return pending;
  }
}

type Approved = Extract<EnrolStatus, { status: "approved" }>;

async function wait(options: EnrolOptions, pending: Pending): Promise<Approved> {
  const { manager, clock, state } = options;
  const until = epochMs(clock) + options.wait_ms;
  let told = false;
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
    const status = await poll(manager, pending.polling_token);
    if (status?.status === "approved") return status;
    if (status?.status === "denied" || status?.status === "notfound") {
      await Deno.remove(`${state}/${PENDING}`).catch(() => {});
      throw status.status === "denied"
        ? new EnrolError("denied", "The manager denied this enrolment. Ask who decided before trying again.")
        : new EnrolError(
          "not_found",
          "The manager does not know this enrolment any more: it expired, or its certificate was already collected. " +
            "Run the command again; when the host is listed there already, remove it first.",
        );
    }
    if (epochMs(clock) >= until) {
      throw new EnrolError(
        "timeout",
        `Nobody approved this enrolment within ${Math.round(options.wait_ms / 60_000)} minutes. Approve it on the ` +
          "manager's page, then run the same command again: it goes on where it stopped.",
      );
    }
    if (!told) options.on_waiting?.();
    told = true;
    // Spread, or a fleet that was switched on at once would ask at once for ever.
    await options.sleep(Math.round(pause * (0.75 + Math.random() / 2)));
  }
}

/** Null when the manager could not be asked this time: it may be restarting. */
async function poll(manager: PinnedManager, polling_token: string): Promise<EnrolStatus | null> {
  let answer: ManagerAnswer;
  try {
    answer = await manager.call(`api/v1/enroll/status/${encodeURIComponent(polling_token)}`, {
      max_bytes: 6 * 2 ** 20,
    });
  } catch (thrown) {
    if (thrown instanceof ManagerError && thrown.problem === "unreachable") return null;
    throw thrown;
  }
  if (answer.status === 429 || answer.status >= 500) return null;
  if (answer.status !== 200) {
    throw new EnrolError("answer", `The manager answered ${answer.status} to a status question.`);
  }
  const parsed = EnrolStatus.safeParse(readJson(answer));
  if (!parsed.success) throw new EnrolError("answer", "The manager's answer is not that of an enrolment.");
  return parsed.data;
}

function check(options: EnrolOptions, pending: Pending, approved: Approved): ListenerCredentials {
  const { manager, fqdn, address, clock } = options;
  let same = false;
  try {
    same = new X509Certificate(approved.ca_crt).fingerprint256 === new X509Certificate(manager.ca).fingerprint256;
  } catch { /* not a certificate: not the same */ }
  if (!same) {
    throw new EnrolError(
      "certificate",
      "The manager sent another root certificate than the one with the given fingerprint.",
    );
  }
  const credentials = { ca: manager.ca, certificate: approved.server_crt, key: pending.key_pem };
  const problem = issuedProblem(credentials, { fqdn, address }, clock);
  if (problem) throw new EnrolError("certificate", `${problem} It was not kept.`);
  return credentials;
}

/** A list that does not hold is left out: the agent fetches its own, and says in its health that it has none. */
async function storeRevocationList(state: string, crl_pem: string | null, ca: string): Promise<void> {
  if (crl_pem === null || await readRevocationList(crl_pem, ca).catch(() => null) === null) return;
  await writeWhole(`${state}/${CRL_FILE}`, crl_pem);
}

function refusal(answer: ManagerAnswer, manager: PinnedManager, token: string | null): EnrolError {
  const said = Refused.safeParse(readJsonOrNull(answer)).data?.error;
  // Words from the other side: one line, bounded, before they reach a terminal.
  const words = said
    ? ` It says: ${`${said.message} ${said.hint ?? ""}`.replace(/\p{Cc}+/gu, " ").trim().slice(0, 300)}`
    : "";
  const host = manager.url.host;
  if (answer.status === 409) {
    return new EnrolError("already_enrolled", `${host} has this machine, name or address enrolled already.${words}`);
  }
  if (answer.status === 429) return new EnrolError("rate_limited", `${host} takes no more enrolments now.${words}`);
  if ([401, 403, 404, 410].includes(answer.status) && token !== null) {
    return new EnrolError(
      "token_refused",
      `${host} does not take this token: it is unknown, expired or used. Make a new one there.${words}`,
    );
  }
  return new EnrolError("refused", `${host} refused the enrolment (${answer.status}).${words}`);
}

function retryAfter(answer: ManagerAnswer): number {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1000 : 10_000;
}

function readJson(answer: ManagerAnswer): unknown {
  try {
    return parseJsonLimited(answer.body, { ...requestLimits, max_bytes: 6 * 2 ** 20 });
  } catch (thrown) {
    if (thrown instanceof LimitError) {
      throw new EnrolError("answer", `The manager's answer cannot be read. ${thrown.message}`);
    }
    throw thrown;
  }
}

function readJsonOrNull(answer: ManagerAnswer): unknown {
  try {
    return readJson(answer);
  } catch {
    return null;
  }
}
