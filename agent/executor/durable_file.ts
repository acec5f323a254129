/**
 * Writes a file so that a reader, or the next start after a power cut, sees the old content or the new, never a
 * half: written beside, flushed, renamed, and the folder flushed too.
 * @param durable false leaves out the flushing, for what may be lost with the power but not with the process
 */
export function writeDurable(path: string, content: string, durable = true): void {
  const beside = `${path}.new`;
  const file = Deno.openSync(beside, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(content);
    for (let sent = 0; sent < bytes.length;) sent += file.writeSync(bytes.subarray(sent));
    if (durable) file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(beside, path);
  if (durable) flushFolder(path.slice(0, path.lastIndexOf("/")));
}

/** Makes the names in a folder durable. */
export function flushFolder(path: string): void {
  const folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } finally {
    folder.close();
  }
}

/** Content of a file, or null when there is none. */
export function readIfThere(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
