import { type Clock, epochMs } from "../clock.ts";
import { AppError } from "../errors.ts";
import { publicKeyProblem } from "./csr.ts";
import { fingerprint } from "./fingerprint.ts";
import { addressProblem, dnsNameProblem } from "./rules.ts";
import {
  type Authority,
  BACKDATE_MS,
  type CertificateOrder,
  type IssuedCertificate,
  LEAF_LIFETIME_MS,
  MANAGER_IDENTITY,
} from "./types.ts";
import { doorCrypto, signingKey, wholeSecond } from "./door.ts";
import { x509 } from "./x509.ts";

/** More names than one host or listener has. */
const MAX_NAMES = 32;

/** What a check may look at. */
interface Request {
  order: CertificateOrder;
  authority: Authority;
  /** Milliseconds since the epoch. */
  now: number;
}

/** One reason why a certificate is not issued. `problem` answers words, or null when all is well. */
interface Check {
  name: string;
  field: string;
  hint: string;
  problem(request: Request): string | null;
}

/** Every order passes all of these, in this order; the first that objects ends it. */
export const checks: readonly Check[] = [
  {
    name: "issuer_is_ca",
    field: "issuer",
    hint: "Restore root.crt from the backup.",
    problem: ({ authority }) =>
      authority.certificate.getExtension(x509.BasicConstraintsExtension)?.ca === true
        ? null
        : "The root certificate is not that of a certificate authority.",
  },
  {
    name: "issuer_valid",
    field: "issuer",
    hint: "Check the machine's clock; if it is right, a new root is needed and every host enrols again.",
    problem: ({ authority: { certificate }, now }) => {
      if (now < certificate.notBefore.getTime()) return "The root certificate is not valid yet.";
      return now >= certificate.notAfter.getTime() ? "The root certificate has expired." : null;
    },
  },
  {
    name: "common_name",
    field: "common_name",
    hint: "Use the host's name or its id.",
    problem: ({ order }) =>
      // deno-lint-ignore no-control-regex
      /^[^\u0000-\u001f\u007f]{1,64}$/.test(order.common_name)
        ? null
        : "The common name has to have 1 to 64 printable characters.",
  },
  {
    name: "dns_names",
    field: "names",
    hint: "Correct the name in the host's record, or in server.names for the web listener.",
    problem: ({ order }) => firstProblem(order.dns, dnsNameProblem),
  },
  {
    name: "addresses",
    field: "addresses",
    hint: "Correct the address in the host's record.",
    problem: ({ order }) => firstProblem(order.addresses, addressProblem),
  },
  {
    name: "names_present",
    field: "names",
    hint: "A certificate for a listener needs at least one name or address.",
    problem: ({ order }) => {
      const count = order.dns.length + order.addresses.length;
      if (order.profile === "manager_client") return count === 0 ? null : "A client certificate carries no host names.";
      if (count > MAX_NAMES) return `More than ${MAX_NAMES} names in one certificate.`;
      return count === 0 ? "There is no name to issue for." : null;
    },
  },
  {
    name: "public_key",
    field: "public_key",
    hint: "Accepted are P-256, P-384, Ed25519 and RSA with 2,048 to 8,192 bits.",
    problem: ({ order }) => publicKeyProblem(order.public_key),
  },
];

/**
 * Issues a leaf: 90 days or until the root ends, whichever is sooner, a random serial of 16 bytes, one purpose.
 * Throws AppError validation_failed that names the check's field.
 */
export async function issueCertificate(
  authority: Authority,
  order: CertificateOrder,
  clock: Clock,
): Promise<IssuedCertificate> {
  const now = epochMs(clock);
  for (const check of checks) {
    const problem = check.problem({ order, authority, now });
    if (problem) {
      throw new AppError("validation_failed", {
        message: problem,
        hint: check.hint,
        details: [{ field: check.field, problem, hint: check.hint }],
      });
    }
  }
  const notBefore = wholeSecond(now - BACKDATE_MS);
  const notAfter = wholeSecond(Math.min(now + LEAF_LIFETIME_MS, authority.certificate.notAfter.getTime()));
  const serial = randomSerial();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    // The JSON form: a text "a, O=evil" would become two names.
    subject: [{ CN: [order.common_name] }],
    issuer: authority.certificate.subjectName,
    notBefore,
    notAfter,
    publicKey: order.public_key,
    signingKey: signingKey(authority.signer),
    signingAlgorithm: authority.signer.algorithm,
    extensions: await extensions(authority, order),
  }, doorCrypto(authority.signer));
  const der = new Uint8Array(certificate.rawData);
  return {
    certificate_pem: certificate.toString("pem") + "\n",
    certificate_der: der,
    serial,
    fingerprint: await fingerprint(der),
    not_before: Temporal.Instant.fromEpochMilliseconds(notBefore.getTime()),
    not_after: Temporal.Instant.fromEpochMilliseconds(notAfter.getTime()),
    common_name: order.common_name,
    dns: order.dns,
    addresses: order.addresses,
  };
}

/**
 * 16 random bytes as hexadecimal. The first bit is 0 and the second 1: always positive and never with a leading
 * zero, so that every tool prints the same 32 digits (RFC 5280, 4.1.2.2 allows 20 bytes).
 */
export function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return bytes.toHex();
}

async function extensions(authority: Authority, order: CertificateOrder): Promise<x509.Extension[]> {
  const purpose = order.profile === "manager_client"
    ? x509.ExtendedKeyUsage.clientAuth
    : x509.ExtendedKeyUsage.serverAuth;
  const names: { type: "dns" | "ip" | "url"; value: string }[] = [
    ...order.dns.map((value) => ({ type: "dns" as const, value })),
    ...order.addresses.map((value) => ({ type: "ip" as const, value })),
  ];
  if (order.profile === "manager_client") names.push({ type: "url", value: MANAGER_IDENTITY });
  return [
    new x509.BasicConstraintsExtension(false),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([purpose]),
    new x509.SubjectAlternativeNameExtension(names),
    await x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(order.public_key)),
    await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
  ];
}

function firstProblem(values: string[], problem: (value: string) => string | null): string | null {
  for (const value of values) {
    const words = problem(value);
    if (words) return `${JSON.stringify(value.slice(0, 80))}: ${words}.`;
  }
  return null;
}
