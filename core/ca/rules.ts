import { isIP } from "node:net";

/** The parts of a certificate that decide when it is renewed. */
export interface Lifetime {
  serial: string;
  not_before: Temporal.Instant;
  not_after: Temporal.Instant;
}

/** Renewals of one batch are spread over this part of the lifetime: six days of ninety. */
const SPREAD = 1 / 15;

/**
 * When a certificate is to be renewed: two thirds of its lifetime, moved by up to 1/30 of it either way. The
 * move is taken from the serial number, so that the answer is the same each time it is asked for and a fleet
 * enrolled in one hour is not renewed in one hour.
 */
export function renewalTime(certificate: Lifetime): Temporal.Instant {
  const from = certificate.not_before.epochMilliseconds;
  const span = certificate.not_after.epochMilliseconds - from;
  const jitter = Number.parseInt(certificate.serial.slice(-8), 16) / 0x1_0000_0000 - 0.5;
  return Temporal.Instant.fromEpochMilliseconds(Math.round(from + span * (2 / 3 + jitter * SPREAD)));
}

/** True from {@link renewalTime} on, and for what has expired. */
export function renewalDue(certificate: Lifetime, now: Temporal.Instant): boolean {
  return Temporal.Instant.compare(now, renewalTime(certificate)) >= 0;
}

/**
 * What is wrong with a DNS name for a certificate, in words, or null. Preferred name syntax (RFC 5280, 4.2.1.6;
 * RFC 1123, 2.1): labels of letters, digits and hyphens. Wildcards never.
 */
export function dnsNameProblem(name: string): string | null {
  if (name.length === 0) return "the name is empty";
  if (name.includes("*")) return "wildcards are never issued";
  if (name.length > 253) return "the name is longer than 253 characters";
  if (isIP(name) !== 0) return "this is an address, not a name";
  if (name !== name.toLowerCase()) return "the name has capital letters";
  const labels = name.split(".");
  if (labels.some((label) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) {
    return "a name is made of letters, digits and hyphens, in parts of 1 to 63 characters between dots";
  }
  // "10.1" and "0x7f.1" would be read as addresses by some resolvers (WHATWG URL, "ends in a number").
  if (/^([0-9]+|0x[0-9a-f]*)$/.test(labels[labels.length - 1])) return "the last part of a name is not a number";
  return null;
}

/** What is wrong with an address for a certificate, in words, or null. Zone identifiers mean nothing elsewhere. */
export function addressProblem(address: string): string | null {
  if (address.includes("%")) return "an address with a zone is only valid on one machine";
  return isIP(address) === 0 ? "this is not an IPv4 or IPv6 address" : null;
}
