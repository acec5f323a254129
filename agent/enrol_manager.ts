// The library looks for the metadata API while it loads, so this import must come first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { timingSafeEqual, X509Certificate } from "node:crypto";
import https from "node:https";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Clock, epochMs } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { CONNECT_TIMEOUT_MS, LimitError, readBytesLimited, REQUEST_TIMEOUT_MS } from "../protocol/limits.ts";
import { certificateDigest } from "./certificates.ts";

/** Why the manager could not be trusted or reached. */
export type ManagerProblem =
  | "address"
  | "unreachable"
  | "not_tls"
  | "fingerprint"
  | "untrusted"
  | "name_mismatch"
  | "clock_skew"
  | "answer";

/** `message` says what is and what to do. It holds no token and nothing else of ours. */
export class ManagerError extends Error {
  constructor(readonly problem: ManagerProblem, message: string) {
    super(message);
    this.name = "ManagerError";
  }
}

export interface ManagerAnswer {
  status: number;
  body: Uint8Array;
  headers: Record<string, string | string[] | undefined>;
}

/** The longest answer that is read from a manager unless said otherwise. */
const MAX_ANSWER = 512 * 1024;
const MAX_ROOT = 64 * 1024;
/** More than this between two clocks makes certificates look expired or not yet valid. */
const SKEW_MS = 5 * 60_000;

interface Exchange extends ManagerAnswer {
  /** DER of the certificate that the other side showed; null when there was none. */
  peer: Uint8Array | null;
  /** The other side's clock by its Date header, milliseconds since the epoch; null without one. */
  date_ms: number | null;
  /** Our own address on that connection; null where it cannot be told. */
  local_address: string | null;
  /** Theirs. */
  remote_address: string | null;
}

/**
 * The manager, known by the SHA-256 of its root certificate. {@link open} fetches that certificate without trust
 * and compares; every later call believes this one root and nothing else, not the machine's own list of roots.
 */
export class PinnedManager {
  private constructor(
    readonly url: URL,
    /** The root, PEM, whose fingerprint was compared. */
    readonly ca: string,
    readonly clock: Clock,
    readonly first: Pick<Exchange, "peer" | "date_ms" | "local_address">,
  ) {
    const host = bareHost(url);
    if (isIP(host)) this.addresses.add(host);
  }

  /**
   * Addresses at which this manager has answered as itself: the one in its URL, and every one that a call met behind
   * the name in it. Seen on connections of TLS, not asked of a name server: that would need one more right.
   */
  readonly addresses: Set<string> = new Set();

  /** The address that this machine has towards the manager: where the manager most likely reaches it. */
  get local_address(): string | null {
    return this.first.local_address;
  }

  /** How far this machine's clock is ahead of the manager's, in milliseconds, by the latest answer; null: unknown. */
  skew_ms: number | null = null;

  /**
   * @param fingerprint SHA-256 of the root's DER, in hexadecimal, with or without colons
   * @throws ManagerError
   */
  static async open(manager: string, fingerprint: string, clock: Clock): Promise<PinnedManager> {
    const url = readManagerUrl(manager);
    const wanted = parseFingerprint(fingerprint);
    const first = await exchange(new URL("api/v1/ca/root.crt", url), { max_bytes: MAX_ROOT });
    const text = new TextDecoder().decode(first.body);
    if (first.status !== 200) {
      throw new ManagerError("answer", `${url.host} answered ${first.status} instead of its root certificate.`);
    }
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
    const root = blocks.length === 1 ? readRoot(blocks[0]) : null;
    if (!root) throw new ManagerError("answer", `${url.host} did not send one root certificate in PEM form.`);
    const found = certificateDigest(root.raw);
    if (!timingSafeEqual(found, wanted)) {
      throw new ManagerError(
        "fingerprint",
        `The root certificate of ${url.host} has another fingerprint than the command says.\n` +
          `  expected ${wanted.toHex()}\n  found    ${found.toHex()}\n` +
          "Either the command is for another manager, or somebody is in between. Nothing was sent.",
      );
    }
    return new PinnedManager(url, `${blocks[0]}\n`, clock, first);
  }

  /** For later calls, when the root is known from an earlier enrolment. @throws ManagerError for the address */
  static trusting(manager: string, ca: string, clock: Clock): PinnedManager {
    return new PinnedManager(readManagerUrl(manager), ca, clock, { peer: null, date_ms: null, local_address: null });
  }

  /** One call below the manager's address. @throws ManagerError; a status is no error here */
  async call(
    path: string,
    options: { method?: "GET" | "POST"; body?: unknown; max_bytes?: number; family?: 4 | 6 } = {},
  ): Promise<ManagerAnswer> {
    try {
      const answer = await exchange(new URL(path, this.url), { ...options, ca: this.ca });
      if (answer.date_ms !== null) this.skew_ms = epochMs(this.clock) - answer.date_ms;
      if (answer.remote_address !== null) this.addresses.add(answer.remote_address);
      return answer;
    } catch (thrown) {
      if (thrown instanceof ManagerError && thrown.problem === "untrusted") throw this.#diagnose(thrown);
      throw thrown;
    }
  }

  /**
   * Meets the manager once by each family of addresses that its name has, so that {@link addresses} knows them: the
   * one that we reach it by need not be the one that it comes from. Never throws.
   */
  async locate(): Promise<void> {
    if (isIP(bareHost(this.url))) return;
    const meet = (family: 4 | 6) => this.call("api/v1/ca/root.crt", { max_bytes: MAX_ROOT, family }).catch(() => null);
    await Promise.all([meet(4), meet(6)]);
  }

  /** The runtime has one code for every broken chain; the certificate seen without trust tells which it was. */
  #diagnose(error: ManagerError): ManagerError {
    if (!this.first.peer) return error;
    const shown = new X509Certificate(this.first.peer);
    const root = new X509Certificate(this.ca);
    const now = epochMs(this.clock);
    const theirs = this.first.date_ms;
    if (!shown.checkIssued(root) || !shown.verify(root.publicKey)) {
      return new ManagerError(
        "untrusted",
        `${this.url.host} shows a certificate that its own certificate authority did not issue. Either it uses one ` +
          "from elsewhere, or somebody is in between. Nothing was sent.",
      );
    }
    if (now < Date.parse(shown.validFrom) || now >= Date.parse(shown.validTo)) {
      const clocks = theirs !== null && Math.abs(now - theirs) > SKEW_MS;
      return new ManagerError(
        clocks ? "clock_skew" : "untrusted",
        `The certificate of ${this.url.host} is valid from ${shown.validFrom} to ${shown.validTo}; this machine's clock ` +
          `says ${new Date(now).toUTCString()}` +
          (clocks ? `, the manager's ${new Date(theirs!).toUTCString()}. Set the clock.` : "."),
      );
    }
    return error;
  }
}

/** Reads a fingerprint as tools print it. @throws ManagerError */
export function parseFingerprint(text: string): Uint8Array {
  const bare = text.trim().replace(/^sha-?256(?::| fingerprint=)/i, "");
  const hex = /^[0-9a-f]{2}(:[0-9a-f]{2}){31}$/i.test(bare) ? bare.replaceAll(":", "") : bare;
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new ManagerError("fingerprint", "The CA fingerprint is not 64 hexadecimal digits (SHA-256).");
  }
  return Uint8Array.fromHex(hex);
}

/** @throws ManagerError when the address is not https://HOST[:PORT][/PATH/] without user, query or fragment */
export function readManagerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.protocol !== "https:" || url.username || url.password || url.search || url.hash) {
    throw new ManagerError(
      "address",
      `${JSON.stringify(text.slice(0, 200))} is not an address like https://HOST:8443.`,
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Without the brackets of an IPv6 address. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function readRoot(pem: string): X509Certificate | null {
  try {
    const certificate = new X509Certificate(pem);
    new x509.X509Certificate(pem);
    return certificate.ca ? certificate : null;
  } catch {
    return null;
  }
}

/** One HTTPS exchange with a connection of its own. Without `ca` the other side is not believed, only read. */
function exchange(
  url: URL,
  options: { ca?: string; method?: string; body?: unknown; max_bytes?: number; family?: 4 | 6 },
): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
  const body = options.body === undefined ? null : new TextEncoder().encode(JSON.stringify(options.body));
  const host = bareHost(url);
  let peer: Uint8Array | null = null;
  let local_address: string | null = null;
  let remote_address: string | null = null;
  const fail = (thrown: unknown) => reject(thrown instanceof ManagerError ? thrown : managerError(url, thrown));
  // Options of node:tls that the types of node:https leave out. A resumed session would skip the checks.
  const tls = { maxCachedSessions: 0, ALPNProtocols: ["http/1.1"] } as https.RequestOptions;
  const request = https.request({
    ...tls,
    host,
    port: url.port === "" ? 443 : Number(url.port),
    path: url.pathname,
    method: options.method ?? "GET",
    ...(options.family === undefined ? {} : { family: options.family, autoSelectFamily: false }),
    agent: false,
    minVersion: "TLSv1.3",
    ...(options.ca === undefined ? { rejectUnauthorized: false, ca: [] } : { ca: options.ca }),
    ...(isIP(host) ? {} : { servername: host }),
    headers: {
      accept: "application/json",
      ...(body ? { "content-type": "application/json", "content-length": body.length } : {}),
    },
  }, (response) => {
    // Before any await: TLS sockets cannot be paused.
    readBytesLimited(response, options.max_bytes ?? MAX_ANSWER).then((bytes) => {
      const date = Date.parse(response.headers.date ?? "");
      resolve({
        status: response.statusCode ?? 0,
        body: bytes,
        headers: response.headers,
        peer,
        date_ms: Number.isNaN(date) ? null : date,
        local_address,
        remote_address,
      });
    }, fail);
  });
  let connected = false;
  request.on("socket", (socket) =>
    socket.once("secureConnect", () => {
      connected = true;
      // Now, because a connection that has ended has no certificate any more.
      const raw = (socket as TLSSocket).getPeerCertificate()?.raw;
      peer = raw ? new Uint8Array(raw) : null;
      local_address = (socket as TLSSocket).localAddress?.replace(/^::ffff:/, "") ?? null;
      remote_address = (socket as TLSSocket).remoteAddress?.replace(/^::ffff:/, "") ?? null;
    }));
  const connecting = setTimeout(
    () => !connected && request.destroy(timeout("did not accept a connection")),
    CONNECT_TIMEOUT_MS,
  );
  const whole = setTimeout(() => request.destroy(timeout("did not answer in time")), REQUEST_TIMEOUT_MS);
  request.on("error", fail);
  request.end(body ?? undefined);
  return promise.finally(() => {
    clearTimeout(connecting);
    clearTimeout(whole);
    request.destroy();
  });

  function timeout(what: string): ManagerError {
    return new ManagerError("unreachable", `${url.host} ${what}. Check the address and the firewall between.`);
  }
}

function managerError(url: URL, thrown: unknown): ManagerError {
  if (thrown instanceof LimitError) {
    return new ManagerError("answer", `The answer of ${url.host} was refused. ${thrown.message}`);
  }
  const code = (thrown as { code?: unknown })?.code;
  const words = reason(thrown).slice(0, 300);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new ManagerError(
      "name_mismatch",
      `The manager's certificate is not for ${url.hostname}. Use the name or address that it is for, or add this one ` +
        `to the manager's names. (${words})`,
    );
  }
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE") {
    return new ManagerError("untrusted", `The certificate of ${url.host} does not come from the expected authority.`);
  }
  if (typeof code === "string" && /^(ERR_SSL|ERR_TLS)/.test(code)) {
    return new ManagerError("not_tls", `${url.host} does not speak TLS 1.3. (${words})`);
  }
  return new ManagerError("unreachable", `${url.host} cannot be reached: ${words}.`);
}
