// The library looks for the metadata API while it loads, so this import must come first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type Clock, epochMs } from "../core/clock.ts";
import { credentialsProblem, type ListenerCredentials } from "../protocol/listener.ts";

x509.cryptoProvider.set(crypto);

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** A certificate that ends within this time makes the agent degraded. Renewal is due long before. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;

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

/** A file of ours is missing, damaged or open to others. `message` says which and what to do, never what is in it. */
export class IdentityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "IdentityError";
  }
}

const IDENTITY = "identity.pem";

/** Makes the state folder (0700) or checks it. @throws IdentityError when others could read it */
export async function prepareState(state: string): Promise<void> {
  await Deno.mkdir(state, { recursive: true, mode: 0o700 });
  const info = await Deno.stat(state);
  if (!info.isDirectory) throw new IdentityError(`${state} is not a folder.`);
  refuseOpenMode(state, info.mode, 0o700);
  await refuseForeignFolder(state, info.uid);
}

/**
 * What root writes into somebody else's folder goes where that user's links lead, and could not be read by the
 * service afterwards. Asked of the file system, because the right to ask for one's own user id is not given here.
 */
async function refuseForeignFolder(state: string, owner: number | null): Promise<void> {
  const probe = await Deno.makeTempFile({ dir: state, prefix: "owner-" });
  const own = (await Deno.stat(probe)).uid;
  await Deno.remove(probe);
  if (own === owner) return;
  throw new IdentityError(
    `${state} belongs to another user (uid ${owner}). Run this as that user, such as: ` +
      "runuser -u patch-agent -- patch-agent enrol …",
  );
}

/**
 * Keeps key, certificate and root in one file (0600), replaced as a whole, so that they always belong together.
 * @throws Deno.errors when it cannot be written
 */
export function storeIdentity(state: string, credentials: ListenerCredentials): Promise<void> {
  return writeIdentity(`${state}/${IDENTITY}`, credentials);
}

/** The same at another place. */
export async function writeIdentity(path: string, { key, certificate, ca }: ListenerCredentials): Promise<void> {
  await writeWhole(path, [key, certificate, ca].map((pem) => pem.trim() + "\n").join(""));
}

/** True when this folder has an identity. */
export async function hasIdentity(state: string): Promise<boolean> {
  return await readIfThere(`${state}/${IDENTITY}`) !== null;
}

/** Reads and checks the identity. @throws IdentityError with what is wrong and what to do */
export async function loadIdentity(state: string, clock: Clock): Promise<ListenerCredentials> {
  const path = `${state}/${IDENTITY}`;
  const text = await readIfThere(path);
  if (text === null) throw new IdentityError(`${path} is missing: this host is not enrolled. Run: patch-agent enrol`);
  refuseOpenMode(path, (await Deno.stat(path)).mode, 0o600);
  const credentials = parseIdentity(text, path);
  const problem = credentialsProblem(credentials, clock);
  if (problem) throw new IdentityError(`${path}: ${problem} Enrol this host again.`);
  return credentials;
}

/** Takes the text of an identity apart; what it says is not checked. @throws IdentityError that names the path */
export function parseIdentity(text: string, path: string): ListenerCredentials {
  const keys = pemBlocks(text, "PRIVATE KEY");
  const certificates = pemBlocks(text, "CERTIFICATE");
  if (keys.length !== 1 || certificates.length !== 2) {
    throw new IdentityError(`${path} does not hold one key and two certificates. Enrol this host again.`);
  }
  return { key: keys[0], certificate: certificates[0], ca: certificates[1] };
}

/** Words about a certificate that ends soon, or null. */
export function expiryProblem(certificate_pem: string, clock: Clock): string | null {
  const ends = Date.parse(new X509Certificate(certificate_pem).validTo);
  const left = ends - epochMs(clock);
  if (left > EXPIRY_WARNING_MS) return null;
  const when = Temporal.Instant.fromEpochMilliseconds(ends).toString({ smallestUnit: "second" });
  return left <= 0 ? `The agent's certificate expired at ${when}.` : `The agent's certificate ends at ${when}.`;
}

/**
 * Why a certificate that the manager issued is not for us, in words, or null. It has to belong to our key, come
 * from the pinned root, be for servers, and carry our name or address.
 */
export function issuedProblem(
  credentials: ListenerCredentials,
  names: { fqdn: string; address: string },
  clock: Clock,
): string | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(credentials.certificate);
  } catch {
    return "The manager sent something that is not a certificate.";
  }
  if (!certificate.checkPrivateKey(createPrivateKey(credentials.key))) {
    return "The manager sent a certificate for another key than ours.";
  }
  const problem = credentialsProblem(credentials, clock);
  if (problem) return problem;
  const parsed = new x509.X509Certificate(credentials.certificate);
  const purposes = parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  if (certificate.ca || !purposes.includes(x509.ExtendedKeyUsage.serverAuth)) {
    return "The manager sent a certificate that is not one for a server.";
  }
  const own = [names.fqdn, names.address].filter((name) => name !== "");
  const named = own.some((name) => isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name));
  return named ? null : `The manager sent a certificate that names neither ${own.join(" nor ")}.`;
}

/** SHA-256 over the DER of a certificate. */
export function certificateDigest(der: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(der).digest());
}

/**
 * Writes a file (0600) beside its place, syncs, renames, syncs the folder: there is always a whole one, and after a
 * power cut it is the new one. The manager revokes a former certificate as soon as it was answered.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
    await file.sync();
  } finally {
    file.close();
  }
  await Deno.rename(`${path}.new`, path);
  const folder = await Deno.open(path.slice(0, path.lastIndexOf("/")), { read: true });
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}

/** The text of a file, null when there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/** Every block of that label, each with its line end. */
export function pemBlocks(text: string, label: string): string[] {
  return [...text.matchAll(new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`, "g"))]
    .map((match) => match[0] + "\n");
}

function refuseOpenMode(path: string, mode: number | null, wanted: number): void {
  if (mode === null || (mode & 0o077) === 0) return;
  throw new IdentityError(
    `${path} can be used by other users of this machine. Run: chmod ${wanted.toString(8).padStart(4, "0")} ${path}`,
  );
}
