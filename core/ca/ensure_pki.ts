import { type Clock, systemClock } from "../clock.ts";
import {
  createRoot,
  issueManagerClientCertificate,
  issueUiCertificate,
  readCertificate,
  splitNames,
} from "./authority.ts";
import { belongTogether, type PairText, prepareFolder, readPair, writePair } from "./files.ts";
import { withFolderLock } from "./folder_lock.ts";
import { renewalDue } from "./rules.ts";
import { generateKeyPair, openSigner } from "./signer.ts";
import { type Authority, type CertificateFacts, type IssuedCertificate, PkiError } from "./types.ts";
import { x509 } from "./x509.ts";

export interface EnsurePkiOptions {
  /** Names and addresses of the web listener. null: the operator supplies its certificate, none is made. */
  ui_names: string[] | null;
  clock?: Clock;
}

/** A leaf with its key, ready for a listener or client. */
export interface LeafPair extends CertificateFacts, PairText {}

export interface Pki {
  authority: Authority;
  root: CertificateFacts & { certificate_pem: string; certificate_der: Uint8Array<ArrayBuffer> };
  manager_client: LeafPair;
  /** null when `ui_names` was null. */
  ui: LeafPair | null;
  /** What this call made or renewed, by file name. */
  written: ("root" | "manager-client" | "ui")[];
}

/**
 * Makes what is missing in the folder, renews the manager's own leaves when they are due or no longer fit, checks
 * everything else: `root`, `manager-client`, `ui`, each with `.crt` and `.key` (0600 in 0700). Several processes
 * may call it at once; a lock lets one at a time work.
 *
 * Throws PkiError with what is wrong and what to do. No message holds key material.
 */
export async function ensurePki(folder: string, options: EnsurePkiOptions): Promise<Pki> {
  const clock = options.clock ?? systemClock;
  await prepareFolder(folder);
  return await withFolderLock(folder, async () => {
    const written: Pki["written"] = [];
    const { authority, pem } = await ensureRoot(folder, clock, written);
    const manager_client = await ensureLeaf(folder, "manager-client", authority, clock, written, {
      fits: () => true,
      issue: (key) => issueManagerClientCertificate(authority, key, clock),
    });
    const names = options.ui_names;
    const ui = names === null ? null : await ensureLeaf(folder, "ui", authority, clock, written, {
      fits: (facts) => covers(facts, names),
      issue: (key) => issueUiCertificate(authority, names, key, clock),
    });
    const { der, ...facts } = await readCertificate(pem);
    return { authority, root: { ...facts, certificate_pem: pem, certificate_der: der }, manager_client, ui, written };
  });
}

async function ensureRoot(
  folder: string,
  clock: Clock,
  written: Pki["written"],
): Promise<{ authority: Authority; pem: string }> {
  let pair = await readPair(folder, "root");
  if (pair === null) {
    await refuseOrphanedLeaves(folder);
    const { private_key, public_key } = await generateKeyPair();
    const { certificate } = await createRoot(await openSigner(private_key), public_key, clock);
    pair = { key_pem: keyPem(private_key), certificate_pem: certificate.toString("pem") + "\n" };
    await writePair(folder, "root", pair);
    written.push("root");
  }
  refuseForeignKey(folder, "root", pair);
  const certificate = new x509.X509Certificate(pair.certificate_pem);
  const now = clock.now().epochMilliseconds;
  if (now >= certificate.notAfter.getTime()) {
    throw new PkiError(
      `The root certificate ${folder}/root.crt expired at ${certificate.notAfter.toISOString()}.`,
      "Check the machine's clock. If it is right, move the folder away: a new root is made and every host enrols again.",
    );
  }
  if (now < certificate.notBefore.getTime()) {
    throw new PkiError(
      `The root certificate ${folder}/root.crt is only valid from ${certificate.notBefore.toISOString()} on.`,
      "The machine's clock is behind; set it right.",
    );
  }
  try {
    const signer = await openSigner(new Uint8Array(x509.PemConverter.decodeFirst(pair.key_pem)));
    return { authority: { certificate, signer }, pem: pair.certificate_pem };
  } catch {
    // Without the cause: a parser's message may quote what it read.
    throw new PkiError(`${folder}/root.key is not a P-256 key in PKCS #8 form.`, "Restore it from the backup.");
  }
}

interface LeafKind {
  /** False when the certificate no longer says what it must. */
  fits(facts: CertificateFacts): boolean;
  issue(public_key: Uint8Array<ArrayBuffer>): Promise<IssuedCertificate>;
}

async function ensureLeaf(
  folder: string,
  name: "manager-client" | "ui",
  authority: Authority,
  clock: Clock,
  written: Pki["written"],
  kind: LeafKind,
): Promise<LeafPair> {
  const pair = await readPair(folder, name);
  if (pair !== null) {
    refuseForeignKey(folder, name, pair);
    const { der: _, ...facts } = await readCertificate(pair.certificate_pem);
    const ours = await new x509.X509Certificate(pair.certificate_pem)
      .verify({ publicKey: authority.certificate.publicKey, signatureOnly: true }).catch(() => false);
    if (ours && kind.fits(facts) && !renewalDue(facts, clock.now())) return { ...facts, ...pair };
  }
  const { private_key, public_key } = await generateKeyPair();
  const { certificate_der: _, ...issued } = await kind.issue(public_key);
  const made = { ...issued, key_pem: keyPem(private_key) };
  await writePair(folder, name, made);
  written.push(name);
  return made;
}

/** A new root beside old leaves would lock out every host, so it is never made by itself. */
async function refuseOrphanedLeaves(folder: string): Promise<void> {
  for (const name of ["manager-client.crt", "ui.crt"]) {
    if (await Deno.stat(`${folder}/${name}`).then(() => true, () => false)) {
      throw new PkiError(
        `${folder}/root.key and root.crt are missing while ${name} is there.`,
        "Restore both from the backup. To begin anew, move the whole folder away: every host then enrols again.",
      );
    }
  }
}

function refuseForeignKey(folder: string, name: string, pair: PairText): void {
  try {
    new x509.X509Certificate(pair.certificate_pem);
  } catch {
    throw new PkiError(`${folder}/${name}.crt is not a certificate in PEM form.`, "Restore it from the backup.");
  }
  if (belongTogether(pair.key_pem, pair.certificate_pem)) return;
  throw new PkiError(
    `${folder}/${name}.key does not belong to ${name}.crt.`,
    name === "root" ? "Restore both from the same backup." : "Restore both from the same backup, or remove both.",
  );
}

/** Every wanted name is in the certificate; addresses are compared by value, since IPv6 has several spellings. */
function covers(facts: CertificateFacts, names: string[]): boolean {
  const wanted = splitNames(names);
  const spelt = new Set(facts.addresses.map(canonicalAddress));
  return wanted.dns.every((name) => facts.dns.includes(name)) &&
    wanted.addresses.every((address) => spelt.has(canonicalAddress(address)));
}

function canonicalAddress(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]/`).hostname : address;
}

function keyPem(private_key: Uint8Array<ArrayBuffer>): string {
  return x509.PemConverter.encode(private_key.buffer, "PRIVATE KEY") + "\n";
}
