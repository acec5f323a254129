import { type Clock, epochMs } from "../clock.ts";
import { doorCrypto, signingKey, wholeSecond } from "./door.ts";
import { fingerprint } from "./fingerprint.ts";
import { issueCertificate, randomSerial } from "./issue.ts";
import { readCsr } from "./csr.ts";
import {
  type Authority,
  BACKDATE_MS,
  type CertificateFacts,
  type IssuedCertificate,
  ROOT_LIFETIME_MS,
  type Signer,
} from "./types.ts";
import { x509 } from "./x509.ts";
import { isIP } from "node:net";

/** Makes a root: ten years, signs leaves only (pathLenConstraint 0), and lists of revoked certificates. */
export async function createRoot(
  signer: Signer,
  public_key: Uint8Array<ArrayBuffer>,
  clock: Clock,
): Promise<Authority> {
  const now = epochMs(clock);
  const name = [{ CN: ["Linux Patch Manager root"] }];
  const key = new x509.PublicKey(public_key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: name,
    issuer: name,
    notBefore: wholeSecond(now - BACKDATE_MS),
    notAfter: wholeSecond(now + ROOT_LIFETIME_MS),
    publicKey: public_key,
    signingKey: signingKey(signer),
    signingAlgorithm: signer.algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(key),
    ],
  }, doorCrypto(signer));
  return { certificate, signer };
}

/** An enrolled machine as our record has it. */
export interface AgentNames {
  host_id: string;
  /** The name under which the manager connects, if it has one. */
  dns: string[];
  /** The addresses under which the manager connects. */
  addresses: string[];
}

/**
 * A server certificate for an agent: the key from its request, every name from our record.
 * Throws AppError validation_failed as {@link readCsr} and {@link issueCertificate} do.
 */
export async function issueAgentCertificate(
  authority: Authority,
  host: AgentNames,
  csr_pem: string,
  clock: Clock,
): Promise<IssuedCertificate> {
  const public_key = await readCsr(csr_pem);
  const label = host.dns[0] ?? host.addresses[0] ?? host.host_id;
  return await issueCertificate(authority, {
    profile: "agent",
    common_name: label.length <= 64 ? label : host.host_id,
    dns: host.dns,
    addresses: host.addresses,
    public_key,
  }, clock);
}

/** The manager's certificate towards agents; its identity is a URI in the SAN. */
export function issueManagerClientCertificate(
  authority: Authority,
  public_key: Uint8Array<ArrayBuffer>,
  clock: Clock,
): Promise<IssuedCertificate> {
  return issueCertificate(authority, {
    profile: "manager_client",
    common_name: "Linux Patch Manager",
    dns: [],
    addresses: [],
    public_key,
  }, clock);
}

/** The certificate of the web listener for the given names and addresses, mixed. */
export function issueUiCertificate(
  authority: Authority,
  names: string[],
  public_key: Uint8Array<ArrayBuffer>,
  clock: Clock,
): Promise<IssuedCertificate> {
  const { dns, addresses } = splitNames(names);
  const label = dns[0] ?? addresses[0] ?? "";
  return issueCertificate(authority, {
    profile: "ui",
    common_name: label.length <= 64 ? label : "Linux Patch Manager",
    dns,
    addresses,
    public_key,
  }, clock);
}

/** Sorts names and addresses apart, without repetition; names in lower case. */
export function splitNames(names: string[]): { dns: string[]; addresses: string[] } {
  const unique = [...new Set(names.map((name) => name.toLowerCase()))];
  return {
    dns: unique.filter((name) => isIP(name) === 0),
    addresses: unique.filter((name) => isIP(name) !== 0),
  };
}

/** What a certificate in PEM form says. Throws when the text is not one. */
export async function readCertificate(pem: string): Promise<CertificateFacts & { der: Uint8Array<ArrayBuffer> }> {
  const certificate = new x509.X509Certificate(pem);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  const der = new Uint8Array(certificate.rawData);
  return {
    serial: certificate.serialNumber.toLowerCase(),
    fingerprint: await fingerprint(der),
    not_before: Temporal.Instant.fromEpochMilliseconds(certificate.notBefore.getTime()),
    not_after: Temporal.Instant.fromEpochMilliseconds(certificate.notAfter.getTime()),
    common_name: certificate.subjectName.getField("CN")[0] ?? "",
    dns: names.filter((name) => name.type === "dns").map((name) => name.value),
    addresses: names.filter((name) => name.type === "ip").map((name) => name.value),
    der,
  };
}
