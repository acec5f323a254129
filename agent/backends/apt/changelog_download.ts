import type { ChangelogFailure, SecurityOffer } from "../../executor/cve_types.ts";
import { targetArgument } from "./arguments.ts";
import { aptEnvironment, hostPath, programs } from "./command.ts";
import { explainFailure } from "./failures.ts";

/** A mirror that sends a few bytes a minute keeps nobody waiting longer. */
const LIMIT_MS = 600_000;

/** The call that fetches one package into the working directory. It takes no lock. */
export function downloadArguments(offer: SecurityOffer): string[] {
  // No install mark here, so a plus at the end of a version is a part of it (measured with apt 2.6).
  return ["-q=2", "-o", "Acquire::Retries=1", "download", targetArgument(offer).replace(/\+\+$/, "+")];
}

/**
 * Path of a package that lies in apt's own cache, complete as far as its size tells; null when it does not. What was
 * built for all architectures is named so there, while its argument names the native one.
 */
export async function findInArchives(root: string | null, offer: SecurityOffer): Promise<string | null> {
  targetArgument(offer);
  for (const arch of [offer.arch, "all"]) {
    const file = `${offer.name}_${offer.version.replaceAll(":", "%3a")}_${arch}.deb`;
    const path = `${hostPath(root, "/var/cache/apt/archives")}/${file}`;
    try {
      const { isFile, size } = await Deno.lstat(path);
      if (isFile && size === offer.size) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/**
 * Downloads one package, checked by apt against the signed index.
 * @param folder empty and our own
 * @returns its absolute path
 */
export async function downloadDeb(
  root: string | null,
  offer: SecurityOffer,
  folder: string,
  signal: AbortSignal,
): Promise<string | ChangelogFailure> {
  if (root === null) await openToApt(folder);
  const limit = AbortSignal.timeout(LIMIT_MS);
  const { code, stdout, stderr } = await new Deno.Command(programs.apt_get, {
    args: downloadArguments(offer),
    clearEnv: true,
    env: aptEnvironment(root),
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.any([signal, limit]),
  }).output();
  if (limit.aborted) {
    return { kind: "unreachable", words: `The download took longer than ${LIMIT_MS / 60_000} minutes.` };
  }
  for await (const entry of Deno.readDir(folder)) {
    // Never through a link: apt's own user may write here while it downloads.
    if (code === 0 && entry.isFile && entry.name.endsWith(".deb")) return `${folder}/${entry.name}`;
  }
  const decoder = new TextDecoder();
  const words = explainFailure(decoder.decode(stderr) + decoder.decode(stdout), "refresh").words;
  return { kind: "unreachable", words: words.slice(0, 512) };
}

/**
 * As root, apt downloads as its own user, who needs a folder of his own below folders that he may walk through;
 * else it would go on as root, with a warning (measured). Who he is, his folder beside the indexes tells.
 */
async function openToApt(folder: string): Promise<void> {
  try {
    const { uid, gid } = await Deno.stat("/var/lib/apt/lists/partial");
    if (uid === null || uid === 0 || (await Deno.stat(folder)).uid !== 0) return;
    const changelogs = folder.slice(0, folder.lastIndexOf("/"));
    const state = changelogs.slice(0, changelogs.lastIndexOf("/"));
    for (const parent of [changelogs, state]) await Deno.chmod(parent, 0o711);
    await Deno.chown(folder, uid, gid);
  } catch {
    // Not root, or no apt user: apt downloads as whoever we are.
  }
}
