import { PkiError } from "./types.ts";

/**
 * Does the work while nobody else, in this process or another one, makes anything in the folder: who comes second finds
 * what the first one made. The lock is the file `lock`, and ends with the process that holds it. Not to be taken twice by
 * the same work, which would wait for itself.
 *
 * @throws PkiError when the folder is not ours; whatever the work throws
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  using lock = await openLock(`${folder}/lock`);
  await lock.lock(true);
  return await work();
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw new PkiError(
      `${path} cannot be opened.`,
      "Check that the folder belongs to the user that runs the manager.",
      error,
    );
  }
}
