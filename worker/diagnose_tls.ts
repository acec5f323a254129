import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { type Clock, epochMs } from "../core/clock.ts";
import { x509 } from "../core/ca/x509.ts";

/** What a look at a host's certificate is compared with. */
export interface ServerExpectation {
  /** The only root, PEM. */
  ca: string;
  /** Name or address that the certificate must be for. */
  name: string;
  clock: Clock;
}

/** One thing wrong with a host's certificate, most telling first. */
export type CertificateProblem =
  | { kind: "untrusted_issuer" }
  | { kind: "expired"; ended: number }
  | { kind: "not_yet_valid"; begins: number }
  | { kind: "wrong_purpose" }
  | { kind: "name_mismatch"; names: string[] };

/**
 * Says what is wrong with a certificate (DER). The runtime's TLS reports a foreign root, expiry and a wrong
 * purpose with one and the same code (measured), so the certificate is looked at again by hand. Empty when all
 * is well.
 */
export function certificateProblems(raw: Uint8Array, expected: ServerExpectation): CertificateProblem[] {
  const root = new X509Certificate(expected.ca);
  const certificate = new X509Certificate(raw);
  const parsed = new x509.X509Certificate(new Uint8Array(raw));
  const problems: CertificateProblem[] = [];
  if (!certificate.checkIssued(root) || !certificate.verify(root.publicKey)) {
    problems.push({ kind: "untrusted_issuer" });
  }
  const now = epochMs(expected.clock);
  if (now >= parsed.notAfter.getTime()) problems.push({ kind: "expired", ended: parsed.notAfter.getTime() });
  if (now < parsed.notBefore.getTime()) problems.push({ kind: "not_yet_valid", begins: parsed.notBefore.getTime() });
  const purposes = parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  if (!purposes.includes(x509.ExtendedKeyUsage.serverAuth)) problems.push({ kind: "wrong_purpose" });
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  const listed = names.filter((name) => name.type === "dns" || name.type === "ip").map((name) => name.value);
  // Without a SAN the runtime would fall back to the common name (measured), which proves nothing.
  const fits = listed.length > 0 &&
    (isIP(expected.name) ? certificate.checkIP(expected.name) : certificate.checkHost(expected.name));
  if (!fits) problems.push({ kind: "name_mismatch", names: listed });
  return problems;
}

/** A problem of a certificate in words: what is, then what to do. */
export function certificateWords(problem: CertificateProblem, expected: ServerExpectation): string {
  const now = epochMs(expected.clock);
  switch (problem.kind) {
    case "untrusted_issuer":
      return "Certificate was not issued by this manager's certificate authority. " +
        "Enrol the host again: patch-agent enrol.";
    case "expired":
      // The agent does not start with it any more, so nothing can be renewed over the agent API.
      return `Certificate expired ${age(now - problem.ended)} ago. ` +
        "Remove the host and enrol it again: patch-agent enrol.";
    case "not_yet_valid":
      return `Certificate is not valid for another ${age(problem.begins - now)}. ` +
        "Check the clocks of the host and of the manager.";
    case "wrong_purpose":
      return "Certificate is not made for a server. Enrol the host again: patch-agent enrol.";
    case "name_mismatch":
      return problem.names.length === 0
        ? `TLS name mismatch: the certificate names no host, so it is not for ${expected.name}. ` +
          "Enrol the host again: patch-agent enrol."
        : `TLS name mismatch: the certificate is for ${nameList(problem.names)}, not ${expected.name}.`;
  }
}

/**
 * Looks at the certificate that a host shows: a second connection without our key, on which nothing is sent and
 * nothing is believed. null when there was none to see within `timeout_ms`.
 */
export function fetchCertificate(address: string, port: number, name: string, timeout_ms: number): Promise<
  Uint8Array | null
> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
  const socket = connect({
    host: address,
    port,
    ...(isIP(name) ? {} : { servername: name }),
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["http/1.1"],
    checkServerIdentity: () => undefined,
  });
  const timer = setTimeout(() => done(null), timeout_ms);
  const done = (raw: Uint8Array | null) => {
    clearTimeout(timer);
    socket.destroy();
    resolve(raw);
  };
  socket.once("secureConnect", () => done(socket.getPeerCertificate()?.raw ?? null));
  socket.on("error", () => done(null));
  socket.once("close", () => done(null));
  return promise;
}

/** A span for people, in the largest whole unit: "3 days", "1 hour", "less than a minute". */
export function age(ms: number): string {
  const units: [number, string][] = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"]];
  for (const [length, unit] of units) {
    const count = Math.floor(ms / length);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return "less than a minute";
}

/** Names out of a stranger's certificate: at most three, cut, and without anything that could steer a terminal. */
function nameList(names: string[]): string {
  const shown = names.slice(0, 3).map((name) => name.slice(0, 100).replace(/[^A-Za-z0-9.:_*-]/g, "?"));
  return shown.join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}
