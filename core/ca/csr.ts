import { createPublicKey } from "node:crypto";
import { AppError } from "../errors.ts";
import { x509 } from "./x509.ts";

/** The longest request that is read, in characters. One with an RSA key of 8,192 bits takes about 3,000. */
export const MAX_CSR_LENGTH = 16_384;

const REQUEST =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/;
const ACCEPTED = "Accepted are P-256, P-384, Ed25519 and RSA with 2,048 to 8,192 bits.";

/**
 * Reads a certificate request (PKCS #10, PEM) and answers its public key as SubjectPublicKeyInfo, DER. Nothing
 * else of it is used: names in a request are a wish of the sender, ours come from the host's record.
 *
 * Throws AppError validation_failed for the field `csr`. The text of the request is in no error, because people
 * do send their private key.
 */
export async function readCsr(pem: string): Promise<Uint8Array<ArrayBuffer>> {
  const csr = parse(pem);
  const key = new Uint8Array(csr.publicKey.rawData);
  const problem = publicKeyProblem(key);
  if (problem) throw refused(problem, ACCEPTED);
  // The signature proves that the sender holds the private key (RFC 2986, 3).
  if (!await csr.verify().catch(() => false)) {
    throw refused(
      "The signature of the request does not fit its key.",
      "Make a new request; it was changed on the way or made wrong.",
    );
  }
  return key;
}

function parse(pem: string): x509.Pkcs10CertificateRequest {
  if (pem.length > MAX_CSR_LENGTH) {
    throw refused(`The request is longer than ${MAX_CSR_LENGTH} characters.`, "Send one request in PEM form.");
  }
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw refused(
      "This is a private key, not a certificate request. It was not kept.",
      "Treat that key as known to others: make a new one on the host and send its request.",
    );
  }
  const body = REQUEST.exec(pem)?.[1];
  if (body === undefined) {
    throw refused(
      "This is not a certificate request in PEM form.",
      "Send exactly one block that begins with -----BEGIN CERTIFICATE REQUEST-----.",
    );
  }
  try {
    return new x509.Pkcs10CertificateRequest(Uint8Array.fromBase64(body));
  } catch {
    throw refused("The request cannot be read: its content is damaged.", "Make a new request on the host.");
  }
}

/** What is wrong with a public key (SubjectPublicKeyInfo, DER), in words, or null. */
export function publicKeyProblem(spki: Uint8Array): string | null {
  let key;
  try {
    key = createPublicKey({ key: spki as unknown as string, format: "der", type: "spki" });
  } catch {
    return "The key is of a kind that is not accepted.";
  }
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return null;
    case "ec":
      return details?.namedCurve === "prime256v1" || details?.namedCurve === "secp384r1"
        ? null
        : `The key is on the curve ${details?.namedCurve ?? "unknown"}, which is not accepted.`;
    case "rsa":
      return rsaProblem(details?.modulusLength ?? 0, details?.publicExponent ?? 0n);
    default:
      return `Keys of the kind ${key.asymmetricKeyType} are not accepted.`;
  }
}

function rsaProblem(bits: number, exponent: bigint): string | null {
  if (bits < 2048) return `The RSA key has ${bits} bits, which is too short.`;
  if (bits > 8192) return `The RSA key has ${bits} bits, which is too long to work with.`;
  return exponent < 65537n ? "The RSA key has a public exponent below 65537." : null;
}

function refused(problem: string, hint: string): AppError {
  return new AppError("validation_failed", { message: problem, hint, details: [{ field: "csr", problem, hint }] });
}
