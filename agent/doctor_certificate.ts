import { type Clock, epochMs, rfc3339 } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { readRevocationList } from "../protocol/peer.ts";
import { expiryProblem, issuedProblem, parseIdentity, readIfThere } from "./certificates.ts";
import { type Check, type DoctorOptions, leftOut, ok, problem } from "./doctor_finding.ts";
import { loadEnrolment } from "./enrol.ts";
import { readFormer, readPending } from "./renewal_files.ts";
import { datesOf, serialOf } from "./renewal_times.ts";
import { CRL_FILE } from "./revocation.ts";

/** A list is fetched every six hours; four that failed are no accident. */
const OLD_LIST_MS = 24 * 3_600_000;

/** The identity and enrolment of the folder as they are, good or not. @throws IdentityError */
export async function readIdentity(state: string) {
  const path = `${state}/identity.pem`;
  const text = await readIfThere(path);
  if (text === null) return null;
  return { credentials: parseIdentity(text, path), enrolment: await loadEnrolment(state) };
}

/** Key, certificate and root belong together; the certificate is valid, not about to end, and names this host. */
export const checkCertificate: Check = async ({ state, clock }) => {
  const identity = await readIdentity(state);
  if (identity === null) return problem("This host is not enrolled. Run: patch-agent enrol");
  const { credentials, enrolment } = identity;
  const wrong = issuedProblem(credentials, enrolment, clock)?.replace(/^The manager sent /, "In use is ");
  if (wrong) return problem(`${wrong} Enrol this host again.`);
  if ((await ownList(state, credentials.ca))?.serials.has(serialOf(credentials))) {
    return problem("The manager has revoked this host's certificate. Enrol this host again.");
  }
  const soon = expiryProblem(credentials.certificate, clock);
  if (soon) return problem(`${soon} It should have been renewed by now: see whether the manager reaches this host.`);
  const { not_after } = datesOf(credentials);
  return ok(`For ${enrolment.fqdn} and ${enrolment.address}, valid until ${rfc3339(not_after)}.`);
};

/** What a renewal has left: a request that waits, a new certificate that was not used yet. Null when nothing. */
export const checkRenewal: Check = async ({ state, clock }) => {
  const pending = await readPending(state);
  if (await readFormer(state) !== null) {
    return ok("A new certificate is shown and was not used by the manager yet; the former one is kept until then.");
  }
  if (pending === null) return null;
  return ok(`A request for a new certificate waits for the manager since ${ago(pending.created_ms, clock)}.`);
};

/** The list of revoked certificates: there, of our root, not outdated. */
export const checkRevocationList: Check = async ({ state, clock }: DoctorOptions) => {
  const path = `${state}/${CRL_FILE}`;
  const identity = await readIdentity(state).catch(() => null);
  if (identity === null) return leftOut("Without the root certificate no list can be checked.");
  const pem = await readIfThere(path);
  if (pem === null) return problem(`${path} is missing: a stolen certificate of a manager would be accepted.`);
  const list = await readRevocationList(pem, identity.credentials.ca).catch((thrown) => reason(thrown));
  if (typeof list === "string") return problem(`${path}: ${list}`);
  const now = epochMs(clock);
  if (list.next_update !== null && now > list.next_update.epochMilliseconds) {
    return problem(`${path} ended at ${rfc3339(list.next_update)}. See whether this host reaches the manager.`);
  }
  const fetched = (await Deno.stat(path)).mtime?.getTime() ?? 0;
  if (now - fetched > OLD_LIST_MS) {
    return problem(
      `${path} was fetched ${ago(fetched, clock)} ago. See whether the agent runs and reaches the manager.`,
    );
  }
  return ok(`${list.serials.size} revoked, fetched ${ago(fetched, clock)} ago.`);
};

async function ownList(state: string, ca: string) {
  const pem = await readIfThere(`${state}/${CRL_FILE}`);
  return pem === null ? null : await readRevocationList(pem, ca).catch(() => null);
}

function ago(since_ms: number, clock: Clock): string {
  const minutes = Math.max(0, Math.round((epochMs(clock) - since_ms) / 60_000));
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
