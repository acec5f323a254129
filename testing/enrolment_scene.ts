import assert from "node:assert/strict";
import type { Context } from "../core/audit/types.ts";
import { createRoot } from "../core/ca/authority.ts";
import { generateKeyPair, openSigner } from "../core/ca/signer.ts";
import { x509 } from "../core/ca/x509.ts";
import type { Sql } from "../core/database/types.ts";
import { createIssuer } from "../core/enrolment/issue_certificate.ts";
import { requestEnrolment } from "../core/enrolment/request_enrolment.ts";
import type { Issuer } from "../core/enrolment/types.ts";
import { AppError } from "../core/errors.ts";
import type { FakeClock } from "./fake_clock.ts";

/** The defaults of the settings. */
export const limits = { rate_per_minute: 5, pending_days: 7 };
/** Not a real list: enrolment only hands it on. */
export const CRL = "-----BEGIN X509 CRL-----\nx\n-----END X509 CRL-----\n";

/** An issuer over a root of its own. */
export async function newIssuer(clock: FakeClock, own_names: string[] = []): Promise<Issuer> {
  const pair = await generateKeyPair();
  const root = await createRoot(await openSigner(pair.private_key), pair.public_key, clock);
  return createIssuer(root, () => Promise.resolve(CRL), clock, own_names);
}

/** A request that wishes for names that are not its own. */
export async function newCsr(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=evil.example",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "evil.example" }])],
  });
  return request.toString("pem");
}

let machines = 0;
/** What a machine sends that is like no other so far. */
export const body = (fields: Record<string, unknown> = {}) => {
  const n = ++machines;
  return {
    machine_id: n.toString(16).padStart(64, "0"),
    fqdn: `m${n}.example`,
    ip_address: `10.5.${n >> 8}.${n & 255}`,
    os_details: { distro: "Debian" },
    ...fields,
  };
};

export const anonymous = (clock: FakeClock): Context => ({
  actor: { kind: "anonymous" },
  address: "192.0.2.7",
  request_id: null,
  clock,
});
/** Asks from an address, without being signed in. */
export const ask = (sql: Sql, issuer: Issuer, clock: FakeClock, request: unknown, source = "192.0.2.7") =>
  requestEnrolment(sql, request, source, issuer, limits, anonymous(clock));

/** Proves that the work throws this code. */
export async function refused(work: () => Promise<unknown>, code: string): Promise<AppError> {
  let thrown: unknown;
  await assert.rejects(async () => await work(), (error) => (thrown = error, true));
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, `${thrown.message} ${JSON.stringify(thrown.details)}`);
  return thrown;
}

/** Rows of hosts, certificates, polls and enrolments. */
export const counts = async (sql: Sql) => {
  const [row] = await sql`
    select (select count(*)::int from hosts) as hosts, (select count(*)::int from certificates) as certificates,
      (select count(*)::int from host_polls) as polls, (select count(*)::int from enrolments) as enrolments`;
  return [row.hosts, row.certificates, row.polls, row.enrolments];
};
