// The library looks for the metadata API while it loads, so this import must come first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(crypto);

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * Makes a P-256 key and a request (PKCS #10) for it, both PEM. The name in the request is only a label: the manager
 * issues for the names in its own record.
 */
export async function createKeyAndRequest(name: string): Promise<{ key_pem: string; csr_pem: string }> {
  const keys = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    // The JSON form: in a text, "a, O=b" would become two names.
    name: [{ CN: [name.slice(0, 64)] }],
    keys,
    signingAlgorithm: P256,
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    key_pem: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") + "\n",
    csr_pem: csr.toString("pem") + "\n",
  };
}
