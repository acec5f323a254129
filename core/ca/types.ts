import type { x509 } from "./x509.ts";

/** A day in milliseconds. */
export const DAY_MS = 86_400_000;
/** The root certificate lives ten years: 3,652 days, two or three of them leap days. */
export const ROOT_LIFETIME_MS = 3_652 * DAY_MS;
/** Every leaf lives 90 days and is renewed at about two thirds of that. */
export const LEAF_LIFETIME_MS = 90 * DAY_MS;
/** notBefore lies this far in the past, so that a host whose clock is slow accepts a certificate made just now. */
export const BACKDATE_MS = 5 * 60_000;
/** A list of revoked certificates says that the next one comes within this time (RFC 5280, 5.1.2.5). */
export const CRL_LIFETIME_MS = 7 * DAY_MS;

/**
 * The identity in the manager's client certificate, as a SAN of type URI. Agents accept this and no other: a
 * certificate of another host, though from the same root, is not the manager.
 */
export const MANAGER_IDENTITY = "urn:linux-patch-manager:manager";

/** What a leaf is for: an agent's listener, the manager towards agents, the manager's own web listener. */
export type Profile = "agent" | "manager_client" | "ui";

/**
 * The door to the root key. Everything that issues goes through it, so that the key can live in another role,
 * or in hardware, and nothing else changes.
 */
export interface Signer {
  /** Signs the bytes of a certificate or CRL. Answers r ‖ s (ECDSA, IEEE P1363) as WebCrypto does. */
  sign(tbs: Uint8Array): Promise<Uint8Array>;
  /** WebCrypto's words for key and hash: `{ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }`. */
  readonly algorithm: { name: string; namedCurve: string; hash: string };
}

/** The root certificate with the door to its key. */
export interface Authority {
  certificate: x509.X509Certificate;
  signer: Signer;
}

/** What is wanted, before any check. Names come from our own records, never from a request. */
export interface CertificateOrder {
  profile: Profile;
  /** CN of the subject, 1 to 64 characters (X.520, ub-common-name). For people only; nothing is decided by it. */
  common_name: string;
  /** DNS names for the SAN: lower case, no wildcard. */
  dns: string[];
  /** IPv4 or IPv6 addresses for the SAN. */
  addresses: string[];
  /** SubjectPublicKeyInfo, DER. */
  public_key: Uint8Array<ArrayBuffer>;
}

/** What a certificate says, in our words. */
export interface CertificateFacts {
  /** Lower-case hexadecimal, 32 digits for our own. */
  serial: string;
  /** SHA-256 of the DER, 64 lower-case hexadecimal digits. */
  fingerprint: string;
  not_before: Temporal.Instant;
  not_after: Temporal.Instant;
  common_name: string;
  dns: string[];
  addresses: string[];
}

/** A certificate as it left the pipeline. */
export interface IssuedCertificate extends CertificateFacts {
  certificate_pem: string;
  certificate_der: Uint8Array<ArrayBuffer>;
}

/** Something is wrong with the files of the CA. `message` says what is, `hint` what to do; neither holds key material. */
export class PkiError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.name = "PkiError";
    this.hint = hint;
  }
}
