import { type Clock, rfc3339, systemClock } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { IdentityError, parseIdentity, readIfThere } from "./certificates.ts";
import type { Arguments } from "./command_line.ts";
import { loadEnrolment } from "./enrol.ts";
import { readFormer, readPending } from "./renewal_files.ts";
import { datesOf, renewalTime, serialOf } from "./renewal_times.ts";

/** How long after two thirds of the lifetime a renewal may take before somebody has to look: three days. */
const PATIENCE_HOURS = 72;

/** What `patch-agent renew` says. */
export interface RenewalStatus {
  serial: string;
  not_after: string;
  /** When the manager renews by itself. */
  due: string;
  state: "later" | "due" | "overdue" | "ended" | "waiting" | "unconfirmed";
  message: string;
}

/**
 * How the renewal of this host's certificate stands. The manager renews, because it is the one that issues: it comes
 * to the agent at two thirds of the lifetime. Reads only.
 * @throws IdentityError when the host is not enrolled
 */
export async function renewalStatus(state: string, clock: Clock): Promise<RenewalStatus> {
  const path = `${state}/identity.pem`;
  const text = await readIfThere(path);
  if (text === null) throw new IdentityError(`${path} is missing: this host is not enrolled. Run: patch-agent enrol`);
  const credentials = parseIdentity(text, path);
  const host = new URL((await loadEnrolment(state)).manager).host;
  const { not_after } = datesOf(credentials);
  const due = renewalTime(credentials);
  const now = clock.now();
  const passed = (instant: Temporal.Instant) => Temporal.Instant.compare(now, instant) >= 0;
  const answer = (state: RenewalStatus["state"], message: string): RenewalStatus => ({
    ...{ serial: serialOf(credentials), not_after: rfc3339(not_after), due: rfc3339(due) },
    ...{ state, message },
  });
  if (passed(not_after)) {
    return answer(
      "ended",
      `The certificate ended at ${rfc3339(not_after)}; the manager does not come to a host with an ended one. Remove ` +
        `the host at ${host}, then enrol it again: patch-agent enrol`,
    );
  }
  if (await readFormer(state) !== null) {
    return answer("unconfirmed", "A new certificate is shown; the former one goes as soon as the manager has used it.");
  }
  if (await readPending(state) !== null) {
    return answer("waiting", `The manager has asked for a new certificate; ${host} has not sent it yet.`);
  }
  if (!passed(due)) {
    return answer("later", `Valid until ${rfc3339(not_after)}. ${host} renews it by itself after ${rfc3339(due)}.`);
  }
  if (!passed(due.add({ hours: PATIENCE_HOURS }))) {
    return answer("due", `${host} renews it these days; it is valid until ${rfc3339(not_after)}.`);
  }
  return answer(
    "overdue",
    `${host} should have renewed it after ${rfc3339(due)}; it ends at ${rfc3339(not_after)}. See whether the manager ` +
      "reaches this host (patch-agent doctor), and whether it shows this host as healthy.",
  );
}

/** `patch-agent renew`. Answers the exit code: 0 all goes its way, 1 somebody has to do something. */
export async function runRenew(args: Arguments): Promise<number> {
  try {
    const status = await renewalStatus(args.path("state"), systemClock);
    console.log(args.on("json") ? JSON.stringify(status) : status.message);
    return status.state === "overdue" || status.state === "ended" ? 1 : 0;
  } catch (thrown) {
    if (args.on("json")) console.log(JSON.stringify({ error: reason(thrown) }));
    else console.error(reason(thrown));
    return 1;
  }
}
