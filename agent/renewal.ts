import { X509Certificate } from "node:crypto";
import type { z } from "zod";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { CertificateUpdate } from "../protocol/api.ts";
import { credentialsProblem, type ListenerCredentials } from "../protocol/listener.ts";
import { issuedProblem, loadIdentity, pemBlocks, storeIdentity } from "./certificates.ts";
import { keepFormer, pendingRequest, readFormer, readPending, removeFormer, removePending } from "./renewal_files.ts";
import { datesOf, serialOf } from "./renewal_times.ts";
import { type Revocation, RevocationListError } from "./revocation.ts";

/** What was sent does not hold. `field` names the part of the body, `message` says what is and what to do. */
export class CertificateRefusal extends Error {
  constructor(readonly field: string, message: string) {
    super(message);
    this.name = "CertificateRefusal";
  }
}

/** What the listener asks of whoever keeps its certificate. */
export interface CertificateKeeper {
  /** The request that waits for a certificate, PEM; a new one with a new key when none does. */
  request(): Promise<string>;
  /** @throws CertificateRefusal */
  install(update: z.infer<typeof CertificateUpdate>): Promise<InstalledCertificate>;
  /** @throws CertificateRefusal */
  installRevocationList(crl_pem: string): Promise<InstalledRevocationList>;
  /** The manager came as far as a finished handshake, or failed to. */
  attempted(): void;
  /** The manager sent a request on a connection that was shown the certificate with this serial. */
  used(serial: string): void;
}

export interface InstalledCertificate {
  /** 32 lower-case hexadecimal digits. */
  serial: string;
  /** RFC 3339. */
  not_after: string;
  status: "installed" | "unchanged";
}

export interface InstalledRevocationList {
  number: string;
  next_update: string | null;
  status: "installed" | "unchanged";
}

export interface RenewalOptions {
  state: string;
  /** What a certificate for us has to name. */
  names: { fqdn: string; address: string };
  /** The identity as loaded from the folder. */
  credentials: ListenerCredentials;
  /** Shows other credentials to new connections. */
  show: (credentials: ListenerCredentials) => void;
  revocation: Revocation;
  clock: Clock;
  log: Log;
  /** How long the manager has to use a new certificate before the former one comes back. Milliseconds. */
  confirm_ms?: number;
}

/** Two health checks of a manager that does not wait longer than usual. */
const CONFIRM_MS = 10 * 60_000;

/**
 * The certificate of this host and its change while the listener runs. The manager asks for a request, whose key is
 * made here and stays here, and sends the certificate; new connections are shown it at once, open ones go on.
 *
 * The former key and certificate are kept until a request came in on a connection with the new one: only then is it
 * certain that the manager takes it (its client looks at names after the handshake, so a handshake proves nothing).
 * When the manager came within {@link RenewalOptions.confirm_ms} and every time left without a request, the former
 * one is shown again while it is valid: a host that cannot be reached can only be mended by hand. When nobody came at
 * all nothing says that the new one is bad, and the manager may have revoked the former one: the wait begins again.
 *
 * Another root is another enrolment: it decides who commands this host, and only a person at the host may.
 */
export class Renewal implements CertificateKeeper {
  #current: ListenerCredentials;
  #former: ListenerCredentials | null = null;
  #attempts = 0;
  #problem: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly options: RenewalOptions) {
    this.#current = options.credentials;
  }

  /** What the listener shows. */
  get credentials(): ListenerCredentials {
    return this.#current;
  }

  /** Words for the health, empty when all is well. */
  get problems(): string[] {
    return this.#problem === null ? [] : [this.#problem];
  }

  /** Goes on with what an earlier run left half done. */
  async load(): Promise<void> {
    const { state } = this.options;
    // It ended between keeping the new identity and forgetting the request: the next one shall have a new key.
    if ((await readPending(state))?.key_pem.trim() === this.#current.key.trim()) await removePending(state);
    this.#former = await readFormer(state);
    if (this.#former !== null) this.#await();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  request(): Promise<string> {
    return this.#alone(async () => {
      const { state, names, clock, log } = this.options;
      const { csr_pem } = await pendingRequest(state, names.fqdn, clock);
      log.info("certificate.requested");
      return csr_pem;
    });
  }

  install(update: z.infer<typeof CertificateUpdate>): Promise<InstalledCertificate> {
    return this.#alone(async () => {
      const { state, log, revocation } = this.options;
      const crl = update.crl_pem ?? null;
      const list = crl === null ? null : await asRefusal(revocation.check(crl).catch(nullIfOlder));
      this.#refuseOtherRoot(update.ca_chain);
      const repeated = sameCertificate(update.server_crt, this.#current.certificate);
      if (!repeated) {
        const fresh = await this.#accept(update.server_crt, list?.serials ?? revocation);
        // Not one that the manager has never used.
        const former = this.#former ?? this.#current;
        const shown = this.#current;
        // In this order a crash at any point leaves a whole identity, and the former one as long as it may be needed.
        await keepFormer(state, former);
        await storeIdentity(state, fresh);
        try {
          this.options.show(fresh);
        } catch (thrown) {
          await storeIdentity(state, shown);
          if (this.#former === null) await removeFormer(state);
          throw new CertificateRefusal("server_crt", reason(thrown));
        }
        this.#current = fresh;
        this.#former = former;
        this.#problem = null;
        this.#await();
        await removePending(state);
        log.info("certificate.installed", { message: `Serial ${serialOf(fresh)}.` });
      }
      // Last: it may end the connection that this came by.
      if (crl !== null && list !== null) {
        await revocation.take(crl, list).catch(nullIfOlder);
      }
      const status = repeated ? "unchanged" : "installed";
      return { serial: serialOf(this.#current), not_after: rfc3339(datesOf(this.#current).not_after), status };
    });
  }

  async installRevocationList(crl_pem: string): Promise<InstalledRevocationList> {
    const { revocation } = this.options;
    const list = await asRefusal(revocation.check(crl_pem));
    const changed = await asRefusal(revocation.take(crl_pem, list));
    this.options.log.info("crl.received", { message: `Number ${list.number}.`, count: list.serials.size });
    return {
      number: String(list.number),
      next_update: list.next_update?.toString({ fractionalSecondDigits: 3 }) ?? null,
      status: changed ? "installed" : "unchanged",
    };
  }

  attempted(): void {
    if (this.#former !== null) this.#attempts += 1;
  }

  used(serial: string): void {
    if (this.#former === null || serial.toLowerCase() !== serialOf(this.#current)) return;
    this.#former = null;
    clearTimeout(this.#timer);
    const { state, log } = this.options;
    void this.#alone(() => removeFormer(state)).then(
      () => log.info("certificate.confirmed", { message: `The manager uses serial ${serialOf(this.#current)}.` }),
      (thrown) => log.error("certificate.former_kept", { message: reason(thrown) }),
    );
  }

  /**
   * Reads the identity from the folder again and shows it.
   * @throws IdentityError, or Error with words for another root; nothing is changed then
   */
  reload(): Promise<void> {
    return this.#alone(async () => {
      const fresh = await loadIdentity(this.options.state, this.options.clock);
      // The peer check knows one root; another one means another enrolment and needs a new start.
      if (fresh.ca !== this.#current.ca) throw new Error("The root certificate has changed. Restart the agent.");
      this.options.show(fresh);
      this.#current = fresh;
    });
  }

  async #accept(
    certificate: string,
    revoked: { has(serial: string): boolean },
  ): Promise<ListenerCredentials> {
    const { state, names, clock } = this.options;
    const pending = await readPending(state);
    if (pending === null) {
      throw new CertificateRefusal(
        "server_crt",
        "No request waits for a certificate. Ask for one first: POST /api/v1/certificate/csr.",
      );
    }
    const [only, ...rest] = pemBlocks(certificate, "CERTIFICATE");
    if (only === undefined || rest.length > 0) {
      throw new CertificateRefusal("server_crt", "This is not exactly one certificate in PEM form.");
    }
    const fresh = { ca: this.#current.ca, certificate: only, key: pending.key_pem };
    const problem = issuedProblem(fresh, names, clock);
    if (problem !== null) throw new CertificateRefusal("server_crt", problem);
    if (Temporal.Instant.compare(datesOf(fresh).not_before, datesOf(this.#current).not_before) < 0) {
      throw new CertificateRefusal("server_crt", "The certificate is older than the one in use.");
    }
    if (revoked.has(serialOf(fresh))) throw new CertificateRefusal("server_crt", "The certificate is revoked.");
    return fresh;
  }

  #refuseOtherRoot(chain: string | undefined): void {
    if (chain === undefined || chain.trim() === "") return;
    const all = pemBlocks(chain, "CERTIFICATE");
    if (all.length > 0 && all.every((one) => sameCertificate(one, this.#current.ca))) return;
    throw new CertificateRefusal(
      "ca_chain",
      "This host trusts one root certificate, and it is not this one. A change of the root needs a new enrolment: " +
        "run patch-agent enrol on the host.",
    );
  }

  #await(): void {
    clearTimeout(this.#timer);
    this.#attempts = 0;
    this.#timer = setTimeout(() => void this.#alone(() => this.#decide()), this.options.confirm_ms ?? CONFIRM_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  async #decide(): Promise<void> {
    const { state, clock, log, revocation } = this.options;
    const former = this.#former;
    if (former === null) return;
    const good = credentialsProblem(former, clock) === null && !revocation.has(serialOf(former));
    if (this.#attempts === 0 || !good) {
      log.debug("certificate.unconfirmed", { count: this.#attempts });
      return this.#await();
    }
    try {
      const refused = serialOf(this.#current);
      this.options.show(former);
      await storeIdentity(state, former);
      await removeFormer(state);
      this.#current = former;
      this.#former = null;
      this.#problem =
        `The manager came ${this.#attempts} times and did not use the new certificate (serial ${refused}). ` +
        `The former one is shown again; it ends at ${rfc3339(datesOf(former).not_after)}.`;
      log.error("certificate.rolled_back", { message: this.#problem });
    } catch (thrown) {
      log.error("certificate.rollback_failed", { message: reason(thrown) });
      this.#await();
    }
  }

  /** One change at a time. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** We fetch lists too: that ours is newer is no reason to go without a certificate. */
function nullIfOlder(thrown: unknown): null {
  if (thrown instanceof RevocationListError && thrown.older) return null;
  throw thrown;
}

/** What is wrong with a list is said as a fault of the body. */
async function asRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    throw thrown instanceof RevocationListError ? new CertificateRefusal("crl_pem", thrown.message) : thrown;
  }
}

/** False when either is none. */
function sameCertificate(one: string, other: string): boolean {
  try {
    return new X509Certificate(one).fingerprint256 === new X509Certificate(other).fingerprint256;
  } catch {
    return false;
  }
}
