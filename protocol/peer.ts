// The library looks for the metadata API while it loads, so this import must come first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { type Clock, epochMs } from "../core/clock.ts";

x509.cryptoProvider.set(crypto);

/** The manager's identity: a SAN of type URI in its client certificate. No other certificate of the root has it. */
export const MANAGER_IDENTITY = "urn:linux-patch-manager:manager";

/** Why a connection is refused, as a word for the log. The other side is told nothing. */
export type PeerProblem =
  | "not_authorized"
  | "no_certificate"
  | "old_protocol"
  | "untrusted_issuer"
  | "wrong_purpose"
  | "wrong_identity"
  | "not_yet_valid"
  | "expired"
  | "revoked";

export interface PeerCheckOptions {
  /** The only root, PEM. */
  ca: string;
  /** The SAN of type URI that the peer must have. */
  identity: string;
  /** Serial numbers as 32 lower-case hexadecimal digits; asked on every check, so it may change. */
  revoked: { has(serial: string): boolean };
  clock: Clock;
}

/** A check with its memory of certificates seen. */
export interface PeerCheck extends PeerCheckOptions {
  readonly root: X509Certificate;
  readonly seen: Map<string, SeenCertificate>;
}

interface SeenCertificate {
  problem: PeerProblem | null;
  not_before: number;
  not_after: number;
}

/** One manager has one certificate and some older ones; a hostile peer may show many. */
const MAX_SEEN = 64;

/** Prepares a check. Throws when `ca` is not a certificate. */
export function createPeerCheck(options: PeerCheckOptions): PeerCheck {
  return { ...options, root: new X509Certificate(options.ca), seen: new Map() };
}

/**
 * Checks the client of a connection once more after the handshake. The runtime's own check is not enough
 * (measured, Deno 2.9.6): tickets of one node:https server resume on any other in the same isolate, with no
 * certificate or one of another root; a list of revoked certificates is not looked at; expiry is not looked at
 * on resumption. Answers null when all is well. Use it on "secureConnection", before the HTTP parser, and again
 * from time to time for connections that stay open.
 */
export function peerProblem(socket: TLSSocket, check: PeerCheck): PeerProblem | null {
  if (socket.authorized !== true) return "not_authorized";
  if (socket.getProtocol() !== "TLSv1.3") return "old_protocol";
  const raw = socket.getPeerCertificate()?.raw;
  if (!raw || raw.length === 0) return "no_certificate";
  const certificate = new X509Certificate(raw);
  const seen = remember(certificate, check);
  if (seen.problem) return seen.problem;
  const now = epochMs(check.clock);
  if (now < seen.not_before) return "not_yet_valid";
  if (now >= seen.not_after) return "expired";
  return check.revoked.has(certificate.serialNumber.toLowerCase()) ? "revoked" : null;
}

/** What never changes about a certificate is found once: two signatures cost a millisecond. */
function remember(certificate: X509Certificate, check: PeerCheck): SeenCertificate {
  const known = check.seen.get(certificate.fingerprint256);
  if (known) return known;
  const parsed = new x509.X509Certificate(new Uint8Array(certificate.raw));
  const seen = {
    problem: staticProblem(certificate, parsed, check),
    not_before: parsed.notBefore.getTime(),
    not_after: parsed.notAfter.getTime(),
  };
  if (check.seen.size >= MAX_SEEN) check.seen.delete(check.seen.keys().next().value!);
  check.seen.set(certificate.fingerprint256, seen);
  return seen;
}

function staticProblem(
  certificate: X509Certificate,
  parsed: x509.X509Certificate,
  check: PeerCheck,
): PeerProblem | null {
  if (certificate.ca || !certificate.checkIssued(check.root) || !certificate.verify(check.root.publicKey)) {
    return "untrusted_issuer";
  }
  const purposes = parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  if (!purposes.includes(x509.ExtendedKeyUsage.clientAuth)) return "wrong_purpose";
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  return names.some((name) => name.type === "url" && name.value === check.identity) ? null : "wrong_identity";
}

/** A list of revoked certificates that was checked. */
export interface RevokedSerials {
  serials: Set<string>;
  /** CRLNumber; -1n when the list has none. A lower one than before is a replay. */
  number: bigint;
  this_update: Temporal.Instant;
  next_update: Temporal.Instant | null;
}

/** The longest list that is read, in characters: about 40,000 entries. */
export const MAX_CRL_LENGTH = 4 * 1024 * 1024;

/** Reads a list in PEM form ("X509 CRL"). Throws words when it is damaged or not signed by the root. */
export async function readRevocationList(pem: string, ca: string): Promise<RevokedSerials> {
  if (pem.length > MAX_CRL_LENGTH) throw new Error("The list of revoked certificates is larger than 4 MiB.");
  const body = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/.exec(pem)?.[1];
  if (body === undefined) throw new Error("This is not a list of revoked certificates in PEM form.");
  let crl: x509.X509Crl;
  try {
    crl = new x509.X509Crl(Uint8Array.fromBase64(body));
  } catch {
    throw new Error("The list of revoked certificates is damaged.");
  }
  const root = new x509.X509Certificate(ca);
  if (crl.issuer !== root.subject || !await crl.verify({ publicKey: root.publicKey }).catch(() => false)) {
    throw new Error("The list of revoked certificates was not signed by this manager's certificate authority.");
  }
  const numberDer = crl.getExtension("2.5.29.20")?.value;
  return {
    serials: new Set(crl.entries.map((entry) => entry.serialNumber.toLowerCase())),
    number: numberDer ? BigInt("0x" + new Uint8Array(numberDer).slice(2).toHex()) : -1n,
    this_update: Temporal.Instant.fromEpochMilliseconds(crl.thisUpdate.getTime()),
    next_update: crl.nextUpdate ? Temporal.Instant.fromEpochMilliseconds(crl.nextUpdate.getTime()) : null,
  };
}
