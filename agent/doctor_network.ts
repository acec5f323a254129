import { connect } from "node:tls";
import { X509Certificate } from "node:crypto";
import { reason } from "../core/errors.ts";
import { MAX_CRL_LENGTH } from "../protocol/peer.ts";
import { type Check, type DoctorOptions, leftOut, ok, problem } from "./doctor_finding.ts";
import { readIdentity } from "./doctor_certificate.ts";
import { PinnedManager } from "./enrol_manager.ts";
import { ManagerAddresses } from "./server/manager_addresses.ts";

const SKEW_MS = 5 * 60_000;
const PORT_TIMEOUT_MS = 3_000;

async function openManager({ state, clock }: DoctorOptions) {
  const identity = await readIdentity(state).catch(() => null);
  if (identity === null) return null;
  const manager = PinnedManager.trusting(identity.enrolment.manager, identity.credentials.ca, clock);
  return { manager, enrolment: identity.enrolment };
}

/** The manager answers, and as the one with our root. */
export const checkManager: Check = async (options) => {
  const opened = await openManager(options);
  if (opened === null) return leftOut("Without an enrolment there is no manager to ask.");
  const { manager } = opened;
  const answer = await manager.call("api/v1/pki/crl.pem", { max_bytes: MAX_CRL_LENGTH });
  if (answer.status === 200) return ok(`${manager.url.host} answers, with a certificate of the root that is pinned.`);
  return problem(`${manager.url.host} answered ${answer.status} to the question for the list of revoked certificates.`);
};

/** Our clock and the manager's. Certificates look expired or not yet valid to one whose clock is wrong. */
export const checkClock: Check = async (options) => {
  const opened = await openManager(options);
  if (opened === null) return leftOut("Without an enrolment there is no clock to compare with.");
  const { manager } = opened;
  await manager.call("api/v1/pki/crl.pem", { max_bytes: MAX_CRL_LENGTH }).catch(() => {});
  if (manager.skew_ms === null) return leftOut("The manager did not say its time.");
  const seconds = Math.round(Math.abs(manager.skew_ms) / 1000);
  if (Math.abs(manager.skew_ms) <= SKEW_MS) return ok(`At most ${seconds} s from the manager's.`);
  return problem(`The clock differs from the manager's by ${seconds} s. Set it, such as: timedatectl set-ntp true`);
};

/** Who may connect. */
export const checkAddresses: Check = async (options) => {
  const opened = await openManager(options);
  if (opened === null && options.rules.manager) return leftOut("Without an enrolment the manager has no addresses.");
  if (opened && options.rules.manager) await opened.manager.locate();
  const enrolled = opened?.enrolment.manager_addresses ?? [];
  const list = new ManagerAddresses(options.rules, enrolled, opened?.manager.addresses ?? []);
  const rules = list.rulesOfNow();
  if (rules.length === 0) return problem("No address may connect. Say with --allow where the manager connects from.");
  if (options.rules.any) return ok("Every address may connect; the manager's certificate alone decides.");
  return ok(`Connections from ${rules.join(", ")}; every other address is dropped without an answer.`);
};

/** The port is ours or free. */
export const checkPort: Check = async ({ listen, state }) => {
  const host = listen.hostname === "0.0.0.0" ? "127.0.0.1" : listen.hostname === "::" ? "::1" : listen.hostname;
  const at = `${host}:${listen.port}`;
  const met = await meet(host, listen.port);
  switch (met.what) {
    case "refused": {
      const why = couldListen(listen);
      if (why !== null) return problem(`Nobody can listen on ${listen.hostname}:${listen.port}: ${why}. See --listen.`);
      return ok(`Nothing listens on ${at}: the port is free, the agent does not run.`);
    }
    case "unreachable":
      return problem(`${at} cannot be reached from this host: ${met.words}. See --listen.`);
    case "dropped":
      return ok(`${at} is taken and drops this address without an answer, as the agent does with one not allowed.`);
    case "silent":
      return problem(`Whoever listens on ${at} does not speak TLS. Stop it, or choose another port with --listen.`);
  }
  const own = (await readIdentity(state).catch(() => null))?.credentials.certificate;
  if (own !== undefined && new X509Certificate(own).fingerprint256 === met.fingerprint) {
    return ok(`The agent listens on ${at}, with this host's certificate.`);
  }
  return problem(
    `${at} shows another certificate than this host's: another program, or an agent not reloaded (SIGHUP).`,
  );
};

/** Takes the place for an instant: nothing else tells whether the address is this machine's. Null when it worked. */
function couldListen(at: { hostname: string; port: number }): string | null {
  try {
    Deno.listen(at).close();
    return null;
  } catch (thrown) {
    return reason(thrown);
  }
}

type Met =
  | { what: "refused" | "dropped" | "silent" }
  | { what: "unreachable"; words: string }
  | { what: "certificate"; fingerprint: string };

/** Goes as far as being shown a certificate. Says nothing, not even who we are. */
function meet(host: string, port: number): Promise<Met> {
  const { promise, resolve } = Promise.withResolvers<Met>();
  let connected = false;
  const socket = connect({ host, port, rejectUnauthorized: false, ca: [], minVersion: "TLSv1.3" });
  const timer = setTimeout(() => resolve({ what: "silent" }), PORT_TIMEOUT_MS);
  socket.on("connect", () => connected = true);
  socket.on("secureConnect", () => {
    const fingerprint = socket.getPeerCertificate().fingerprint256;
    resolve({ what: "certificate", fingerprint });
  });
  socket.on("error", (error: Error & { code?: string }) => {
    if (error.code === "ECONNREFUSED") resolve({ what: "refused" });
    else if (/^ERR_SSL/.test(error.code ?? "")) resolve({ what: "silent" });
    else if (connected || error.code === "ECONNRESET") resolve({ what: "dropped" });
    else resolve({ what: "unreachable", words: reason(error) });
  });
  socket.on("close", () => resolve({ what: "dropped" }));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
