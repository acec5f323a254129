import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { withFolderLock } from "../ca/folder_lock.ts";
import { PkiError } from "../ca/types.ts";
import { readIfThere, refuseReadableByOthers, writeWhole } from "../ca/whole_file.ts";

/** The door to the key that signs statements about the audit log. The key itself never comes out. */
export interface StatementSigner {
  key_id: string;
  /** Ed25519 over these bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Public keys by their id. */
export type PublicKeys = ReadonlyMap<string, KeyObject>;

export interface SigningKey {
  signer: StatementSigner;
  /** Of this key and of those before it: what they signed goes on to count. */
  keys: PublicKeys;
  /** True when this call made the key. */
  made: boolean;
}

const BLOCK = /-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----/g;

/**
 * Opens the Ed25519 key of the audit log, and makes it where there is none: `audit.key` (PKCS #8, 0600) and `audit.pub`
 * (every public key so far) in the folder of the manager's other keys, which is outside of the database on purpose.
 *
 * @throws PkiError with what is wrong and what to do. No message holds key material.
 */
export function openSigningKey(folder: string): Promise<SigningKey> {
  // Two processes that start at once must sign with one key, and lose none of the list of public keys.
  return withFolderLock(folder, () => openAlone(folder));
}

async function openAlone(folder: string): Promise<SigningKey> {
  const path = `${folder}/audit.key`;
  let pem = await readIfThere(path);
  const made = pem === null;
  if (pem === null) {
    pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    await writeWhole(path, pem, 0o600);
  }
  await refuseReadableByOthers(path);
  const key = privateKey(path, pem);
  const key_id = keyId(createPublicKey(key));
  const known = await readIfThere(`${folder}/audit.pub`) ?? "";
  const keys = new Map(readPublicKeys(known));
  if (!keys.has(key_id)) {
    const own = createPublicKey(key);
    keys.set(key_id, own);
    const text = known + (known === "" || known.endsWith("\n") ? "" : "\n") +
      own.export({ type: "spki", format: "pem" });
    await writeWhole(`${folder}/audit.pub`, text, 0o644);
  }
  return { signer: { key_id, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) }, keys, made };
}

/** The public keys of a text with PEM blocks. What is no Ed25519 key is left out: nothing of ours has such a key. */
export function readPublicKeys(text: string): PublicKeys {
  const keys = new Map<string, KeyObject>();
  for (const [block] of text.matchAll(BLOCK)) {
    try {
      const key = createPublicKey(block);
      if (key.asymmetricKeyType === "ed25519") keys.set(keyId(key), key);
    } catch {
      // A damaged block: statements of that key count as of an unknown one.
    }
  }
  return keys;
}

/** The same keys as PEM, for an export that shall prove itself. */
export function writePublicKeys(keys: PublicKeys): string[] {
  return [...keys.values()].map((key) => key.export({ type: "spki", format: "pem" }) as string);
}

function keyId(key: KeyObject): string {
  return createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("hex").slice(0, 16);
}

function privateKey(path: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Without its words: they may quote the key.
  }
  throw new PkiError(
    `${path} is not an Ed25519 key in PKCS #8 form.`,
    "Restore it from the backup, or move it away: a new one is made, and audit.pub keeps what the old one signed.",
  );
}
