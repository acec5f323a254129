import { PkiError } from "./types.ts";

/**
 * Writes a file so that a kill at any moment leaves the old one or the new one.
 * @throws PkiError with what to do; never with the text
 */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.new`;
  try {
    const file = await Deno.open(fresh, { write: true, create: true, truncate: true, mode });
    try {
      await Deno.chmod(fresh, mode);
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(fresh, path);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.name : "unknown reason";
    throw new PkiError(`${path} cannot be written (${why}).`, "Check that its folder belongs to the manager's user.");
  }
}

/** The file's text; null when there is no such file. @throws PkiError with what to do when it cannot be read */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    const why = thrown instanceof Error ? thrown.name : "unknown reason";
    throw new PkiError(`${path} cannot be read (${why}).`, "Check that it belongs to the user that runs the manager.");
  }
}

/** @throws PkiError when anybody but the owner may use the file */
export async function refuseReadableByOthers(path: string): Promise<void> {
  const { mode } = await Deno.stat(path);
  if (mode !== null && (mode & 0o077) !== 0) {
    throw new PkiError(`${path} can be used by other users of this machine.`, `Run: chmod 0600 ${path}`);
  }
}
