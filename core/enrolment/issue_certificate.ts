import { readCsr } from "../ca/csr.ts";
import { issueCertificate } from "../ca/issue.ts";
import { generateKeyPair } from "../ca/signer.ts";
import type { Authority, IssuedCertificate } from "../ca/types.ts";
import type { Clock } from "../clock.ts";
import type { Tx } from "../database/types.ts";
import { uuidv7 } from "../ids.ts";
import { isIP } from "node:net";
import { insertCertificate, selectNames } from "./store.ts";
import type { Issuer } from "./types.ts";

/**
 * The issuer over an opened CA.
 * @param own_names names and addresses of the manager's web listener
 */
export function createIssuer(
  authority: Authority,
  crl: () => Promise<string | null>,
  clock: Clock,
  own_names: string[] = [],
): Issuer {
  const own = new Set(own_names.map((name) => name.toLowerCase()));
  return {
    // Nobody is deceived over a loopback address, and a manager manages agents on its own machine there.
    is_own: ({ fqdn, address }) => own.has(fqdn) || (own.has(address) && !/^(127\.|::1$)/.test(address)),
    root_pem: authority.certificate.toString("pem") + "\n",
    issue: (order) => issueCertificate(authority, order, clock),
    crl,
  };
}

/**
 * Issues a host's certificate inside the transaction that keeps it. Every name is from the host's record; of a
 * request only the public key is used. Without a request a key is made, answered once and never kept.
 */
export async function issueForHost(
  tx: Tx,
  issuer: Issuer,
  hostId: string,
  csr: string | null,
  issued: { at: Temporal.Instant; by: string | null },
  clock: Clock,
): Promise<{ id: string; certificate: IssuedCertificate; private_key_pem: string | null }> {
  const names = await selectNames(tx, hostId);
  const dns = isIP(names.tls_name) === 0 ? [names.tls_name.toLowerCase()] : [];
  const pair = csr === null ? await generateKeyPair() : null;
  const public_key = csr === null ? pair!.public_key : await readCsr(csr);
  const label = dns[0] ?? names.address;
  const certificate = await issuer.issue({
    profile: "agent",
    common_name: label.length <= 64 ? label : hostId,
    dns,
    addresses: [names.address],
    public_key,
  });
  const id = uuidv7(clock);
  await insertCertificate(tx, id, hostId, certificate, issued.at, issued.by);
  return { id, certificate, private_key_pem: pair && privateKeyPem(pair.private_key) };
}

function privateKeyPem(der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
