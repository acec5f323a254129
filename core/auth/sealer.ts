import { withFolderLock } from "../ca/folder_lock.ts";
import { readIfThere, refuseReadableByOthers, writeWhole } from "../ca/whole_file.ts";
import { PkiError } from "../ca/types.ts";

/** Encrypts what the database keeps for us and must not know: seeds of one-time codes, private halves of keys. */
export interface Sealer {
  /** @param purpose what it is and whose, such as `totp:USER`: opened for anything else it is refused. */
  seal(plain: Uint8Array, purpose: string): Promise<Uint8Array>;
  /** @returns null when it was sealed with another key, for another purpose, or changed since */
  open(sealed: Uint8Array, purpose: string): Promise<Uint8Array | null>;
}

/** Bytes of the nonce that stands in front of each sealed value (NIST SP 800-38D, 8.2.2: random, 96 bits). */
const NONCE = 12;

/**
 * The sealer of this installation, with the key in `secrets.key` (256 bits in hexadecimal digits, 0600) beside the
 * manager's other keys, outside of the database on purpose: a stolen copy of the database opens nothing. Makes the key
 * where there is none. AES-256-GCM.
 *
 * @throws PkiError with what is wrong and what to do. No message holds key material.
 */
export async function openSealer(folder: string): Promise<Sealer> {
  const path = `${folder}/secrets.key`;
  // Looked for again under the lock: two processes that start at once must seal with one key.
  const text = await readIfThere(path) ?? await withFolderLock(folder, async () => {
    const theirs = await readIfThere(path);
    if (theirs !== null) return theirs;
    const ours = crypto.getRandomValues(new Uint8Array(32)).toHex() + "\n";
    await writeWhole(path, ours, 0o600);
    return ours;
  });
  await refuseReadableByOthers(path);
  if (!/^[0-9a-f]{64}\n?$/.test(text)) {
    throw new PkiError(
      `${path} does not hold 64 hexadecimal digits.`,
      "Restore it from the backup. Without it one-time codes cannot be checked: their owners set them up anew.",
    );
  }
  return await sealerOf(Uint8Array.fromHex(text.trim()));
}

/** @param key 32 bytes */
export async function sealerOf(key: Uint8Array<ArrayBuffer>): Promise<Sealer> {
  const secret = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  const algorithm = (nonce: Uint8Array<ArrayBuffer>, purpose: string) => ({
    name: "AES-GCM",
    iv: nonce,
    additionalData: new TextEncoder().encode(`patch-manager/sealed/v1\0${purpose}`),
  });
  return {
    async seal(plain, purpose) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
      const body = await crypto.subtle.encrypt(algorithm(nonce, purpose), secret, new Uint8Array(plain));
      const sealed = new Uint8Array(NONCE + body.byteLength);
      sealed.set(nonce);
      sealed.set(new Uint8Array(body), NONCE);
      return sealed;
    },
    async open(sealed, purpose) {
      const whole = new Uint8Array(sealed);
      try {
        const nonce = whole.slice(0, NONCE);
        return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, purpose), secret, whole.slice(NONCE)));
      } catch {
        return null;
      }
    },
  };
}
