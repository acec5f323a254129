import { hostPath } from "./command.ts";

/**
 * When the newest part of the package index landed on this machine, ms since the epoch; null when there is none.
 * The modification time of a list is the repository's, not ours, so the change time is asked; a refresh that
 * found nothing new touches no list, which Ubuntu's success stamp covers (and the executor's own record).
 */
export async function readIndexTime(root: string | null): Promise<number | null> {
  let newest: number | null = null;
  const see = (time: Date | null) => {
    if (time !== null && (newest === null || time.getTime() > newest)) newest = time.getTime();
  };
  const folder = hostPath(root, "/var/lib/apt/lists");
  for await (const entry of entriesOf(folder)) {
    if (entry.isFile && /_(?:In)?Release$|_Packages$/.test(entry.name)) {
      see((await Deno.stat(`${folder}/${entry.name}`)).ctime);
    }
  }
  // The stamp also comes from a refresh that had nothing to fetch; alone it is no index.
  if (newest === null) return null;
  try {
    see((await Deno.stat(hostPath(root, "/var/lib/apt/periodic/update-success-stamp"))).mtime);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return newest;
}

async function* entriesOf(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
