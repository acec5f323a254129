import { createPrivateKey, X509Certificate } from "node:crypto";
import { PkiError } from "./types.ts";

/** A private key and its certificate, as they lie side by side: `ui.key` and `ui.crt`. */
export interface PairText {
  key_pem: string;
  certificate_pem: string;
}

const MARK = ".new";

/** Makes the folder (0700) or checks it: a folder, and nobody else's to enter. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(folder, "cannot be made", error);
  }
  const info = await Deno.stat(folder);
  if (!info.isDirectory) throw new PkiError(`${folder} is not a folder.`, "Move it away, or change state.directory.");
  refuseOpenMode(folder, info.mode, 0o700);
}

/**
 * Reads a pair. null when neither file is there. Finishes what a kill between the two renames of
 * {@link writePair} left. Throws PkiError for half a pair, a key that others can read, or an unreadable file.
 */
export async function readPair(folder: string, name: string): Promise<PairText | null> {
  await finishInterruptedWrite(folder, name);
  const key_pem = await readIfThere(`${folder}/${name}.key`);
  const certificate_pem = await readIfThere(`${folder}/${name}.crt`);
  if (key_pem === null && certificate_pem === null) return null;
  if (key_pem === null || certificate_pem === null) {
    const missing = `${folder}/${name}.${key_pem === null ? "key" : "crt"}`;
    const other = `${folder}/${name}.${key_pem === null ? "crt" : "key"}`;
    throw new PkiError(
      `${missing} is missing while ${other} is there.`,
      name === "root"
        ? "Restore it from the backup. A new root would lock out every enrolled host."
        : `Restore it from the backup, or remove ${other}: a new pair is then made.`,
    );
  }
  refuseOpenMode(`${folder}/${name}.key`, (await Deno.stat(`${folder}/${name}.key`)).mode, 0o600);
  return { key_pem, certificate_pem };
}

/**
 * Writes a pair so that a kill or power cut at any moment leaves the old or the new one: both files whole under
 * another name first, then two renames. The key goes first; {@link readPair} ends the second when it was cut off.
 */
export async function writePair(folder: string, name: string, pair: PairText): Promise<void> {
  const key = `${folder}/${name}.key`;
  const certificate = `${folder}/${name}.crt`;
  await writeSynced(certificate + MARK, pair.certificate_pem);
  await writeSynced(key + MARK, pair.key_pem);
  await syncFolder(folder);
  await Deno.rename(key + MARK, key);
  await Deno.rename(certificate + MARK, certificate);
  await syncFolder(folder);
}

/**
 * What a killed {@link writePair} can leave, in the order of its steps: a marked certificate beside the old key
 * (thrown away); both marked (thrown away); a marked certificate beside the new key (its rename is made up for).
 */
async function finishInterruptedWrite(folder: string, name: string): Promise<void> {
  const key = `${folder}/${name}.key`;
  const certificate = `${folder}/${name}.crt`;
  const marked = await readIfThere(certificate + MARK);
  if (await readIfThere(key + MARK) !== null) {
    await Deno.remove(key + MARK);
    if (marked !== null) await Deno.remove(certificate + MARK);
    return;
  }
  if (marked === null) return;
  const key_pem = await readIfThere(key);
  if (key_pem !== null && belongTogether(key_pem, marked)) await Deno.rename(certificate + MARK, certificate);
  else await Deno.remove(certificate + MARK);
}

/** True when the certificate's public key is that of the private key. False too when either cannot be read. */
export function belongTogether(key_pem: string, certificate_pem: string): boolean {
  try {
    return new X509Certificate(certificate_pem).checkPrivateKey(createPrivateKey(key_pem));
  } catch {
    return false;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  try {
    const file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      // A left-over file keeps its mode when it is opened again.
      await Deno.chmod(path, 0o600);
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
      await file.sync();
    } finally {
      file.close();
    }
  } catch (error) {
    throw unusable(path, "cannot be written", error);
  }
}

/** A rename lasts through a power cut only once its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await Deno.open(folder, { read: true });
  try {
    await handle.sync();
  } finally {
    handle.close();
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unusable(path, "cannot be read", error);
  }
}

function refuseOpenMode(path: string, mode: number | null, wanted: number): void {
  if (mode === null || (mode & 0o077) === 0) return;
  throw new PkiError(
    `${path} can be used by other users of this machine (mode ${(mode & 0o777).toString(8).padStart(4, "0")}).`,
    `Run: chmod ${wanted.toString(8).padStart(4, "0")} ${path}`,
  );
}

function unusable(path: string, what: string, cause: unknown): PkiError {
  const why = cause instanceof Error ? cause.name : "unknown reason";
  return new PkiError(`${path} ${what} (${why}).`, "Check that it belongs to the user that runs the manager.", cause);
}
