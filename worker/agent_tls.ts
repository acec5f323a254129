import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { Clock } from "../core/clock.ts";
import { AgentError, agentError, isUnverified } from "./agent_error.ts";
import { age, certificateProblems, certificateWords, fetchCertificate } from "./diagnose_tls.ts";

/** A managed host as far as a connection needs it. */
export interface AgentAddress {
  id: string;
  /** IPv4 or IPv6. Names are resolved elsewhere; this side never asks a name server. */
  address: string;
  port: number;
  /** The name in the host's certificate; null when that is its address. */
  tls_name: string | null;
}

/** The manager's client certificate, PEM. */
export interface ClientCredentials {
  client_cert: string;
  client_key: string;
}

/** Whom we trust, and what must no longer be trusted. */
export interface Trust {
  /** The only root, PEM. */
  ca: string;
  /** Serial numbers as lower-case hexadecimal. Asked on every connection, so it may change. */
  revoked: { has(serial: string): boolean };
  clock: Clock;
}

/** Says what is wrong with our own credentials, in words, or null. */
export function clientCredentialsProblem(credentials: ClientCredentials): string | null {
  try {
    return new X509Certificate(credentials.client_cert).checkPrivateKey(createPrivateKey(credentials.client_key))
      ? null
      : "The manager's client key does not belong to its client certificate.";
  } catch {
    return "The manager's client certificate or key cannot be read.";
  }
}

/** What the certificate of a host must be for. */
export function expectedName(host: AgentAddress): string {
  return host.tls_name ?? host.address;
}

const PROTOCOL = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;

/** What all connections with the same credentials share: reading the private key anew is a tenth of a connection. */
const contexts = new WeakMap<ClientCredentials, { ca: string; context: SecureContext }>();

function contextOf(credentials: ClientCredentials, { ca }: Trust): SecureContext {
  const known = contexts.get(credentials);
  if (known?.ca === ca) return known.context;
  const context = createSecureContext({ ca, cert: credentials.client_cert, key: credentials.client_key, ...PROTOCOL });
  contexts.set(credentials, { ca, context });
  return context;
}

/**
 * TLS options towards one host. `ca` replaces every other root. Names and revocation are checked by us: the
 * runtime would accept a common name where there is no SAN (measured), and looks at no list of revoked ones.
 *
 * @param check what speaks against the certificate, once its chain was verified
 */
function agentTlsOptions(
  host: AgentAddress,
  credentials: ClientCredentials,
  trust: Trust,
  check: (certificate: PeerCertificate) => AgentError | undefined,
): ConnectionOptions {
  const name = expectedName(host);
  return {
    host: host.address,
    port: host.port,
    ...(isIP(name) ? {} : { servername: name }),
    secureContext: contextOf(credentials, trust),
    ...PROTOCOL,
    rejectUnauthorized: true,
    ALPNProtocols: ["http/1.1"],
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => check(certificate),
  };
}

/** What speaks against a certificate whose chain was verified. Also for a look at a connection that stays open. */
export function serverProblem(host: AgentAddress, certificate: PeerCertificate, trust: Trust): AgentError | undefined {
  const name = expectedName(host);
  if (!certificate.raw) return new AgentError("tls", "The host showed no certificate.");
  if (trust.revoked.has(certificate.serialNumber.toLowerCase())) {
    return new AgentError("revoked", "The host's certificate was revoked. Enrol the host again: patch-agent enrol.");
  }
  if (certificate.subjectaltname && checkServerIdentity(name, certificate) === undefined) {
    const now = trust.clock.now().epochMilliseconds;
    if (now < Date.parse(certificate.valid_to) && now >= Date.parse(certificate.valid_from)) return undefined;
  }
  return certificateError(certificate.raw, host, trust);
}

function certificateError(raw: Uint8Array, host: AgentAddress, trust: Trust): AgentError | undefined {
  const expected = { ca: trust.ca, name: expectedName(host), clock: trust.clock };
  const [problem] = certificateProblems(raw, expected);
  return problem && new AgentError("tls", certificateWords(problem, expected));
}

/** A connection whose other side was checked. */
export interface OpenedTls {
  socket: TLSSocket;
  /** What the host showed. */
  certificate: PeerCertificate;
}

/**
 * Opens a connection with the handshake done and everything checked. `on_socket` gets the socket at once, so that
 * the caller can destroy it: waiting for a silent address cannot be ended in another way.
 */
export function openTls(
  host: AgentAddress,
  credentials: ClientCredentials,
  trust: Trust,
  on_socket: (socket: TLSSocket) => void,
): Promise<OpenedTls> {
  const { promise, resolve, reject } = Promise.withResolvers<OpenedTls>();
  if (isIP(host.address) === 0) {
    reject(new AgentError("dns", "The host has no address. Resolve its name again."));
    return promise;
  }
  let checked: PeerCertificate | null = null;
  const socket = connect(agentTlsOptions(host, credentials, trust, (certificate) => {
    const problem = serverProblem(host, certificate, trust);
    checked = problem ? null : certificate;
    return problem;
  }));
  on_socket(socket);
  socket.once("secureConnect", () => {
    if (checked) return resolve({ socket, certificate: checked });
    // A resumed session skips the check that comes with the handshake.
    const certificate = socket.getPeerCertificate();
    const problem = serverProblem(host, certificate, trust);
    if (problem) socket.destroy();
    if (problem) reject(problem);
    else resolve({ socket, certificate });
  });
  socket.on("error", reject);
  socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  return promise;
}

/**
 * Words for a failed connection. Where the runtime only says "not verified", a second look at the certificate,
 * at most `timeout_ms` long, finds out why. A host that just closes may do so because of our own certificate.
 */
export async function explainFailure(
  error: unknown,
  host: AgentAddress,
  credentials: ClientCredentials,
  trust: Trust,
  timeout_ms: number,
): Promise<AgentError> {
  if (!isUnverified(error)) {
    const explained = agentError(error, host);
    return explained.kind === "closed" ? ownCertificateProblem(credentials, trust) ?? explained : explained;
  }
  const raw = await fetchCertificate(host.address, host.port, expectedName(host), timeout_ms);
  const found = raw === null ? undefined : certificateError(raw, host, trust);
  return found ?? new AgentError("tls", "The host's certificate could not be verified.", { cause: error });
}

function ownCertificateProblem({ client_cert }: ClientCredentials, { clock }: Trust): AgentError | undefined {
  const over = clock.now().epochMilliseconds - Date.parse(new X509Certificate(client_cert).validTo);
  if (over < 0) return undefined;
  return new AgentError(
    "tls",
    `This manager's own client certificate expired ${age(over)} ago. Restart the manager: it renews it at the start.`,
  );
}
