import { aptEnvironment } from "./command.ts";
import { readTar, type TarEntry } from "./changelog_tar.ts";

/** What a .deb has where its changelog belongs. */
export type DebChangelog =
  | { text: string; cut: boolean }
  /** The documents are a link into another package's folder, which is named. */
  | { sibling: string }
  | null;

const dpkg_deb = "/usr/bin/dpkg-deb";
/** The largest changelog of Debian has 2 MB compressed and 9 MB plain; only the newest part matters. */
const COMPRESSED_LIMIT = 4 * 2 ** 20;
const TEXT_LIMIT = 16 * 2 ** 20;
/** One piece unpacks to a thousand times its size at most, all at once: so it is a small one. */
const PIECE = 4_096;
/** Unpacking the largest packages takes half a minute. */
const LIMIT_MS = 180_000;
/** A link may lead to a folder of the same package, which again is one: not for ever. */
const LINKS = 3;

/** First the packager's, then what is the same in a package without upstream; in each, as Debian Policy 12.7 has it. */
const names = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];

/**
 * Reads a package's Debian changelog out of its .deb without unpacking anything to disk.
 * @param deb absolute path
 * @param name of the binary package
 * @throws Error when the .deb is damaged, or on abort
 */
export async function readDebChangelog(deb: string, name: string, signal: AbortSignal): Promise<DebChangelog> {
  let folder = name;
  let answer: DebChangelog = null;
  for (let links = 0; links <= LINKS; links++) {
    const found = await readOnce(deb, folder, signal);
    // The folder that a link names may be part of this very package; when it is not, the link is the answer.
    if (found === null) return answer;
    answer = found;
    if (!("sibling" in found)) return found;
    folder = found.sibling;
  }
  return answer;
}

async function readOnce(deb: string, folder: string, signal: AbortSignal): Promise<DebChangelog> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const child = new Deno.Command(dpkg_deb, {
    args: ["--fsys-tarfile", deb],
    clearEnv: true,
    env: aptEnvironment(null),
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.any([signal, limit]),
  }).spawn();
  let found: Found | null = null;
  let problem: unknown = null;
  try {
    found = await search(child.stdout, folder);
  } catch (error) {
    problem = error;
  }
  // It may have more to say than we wanted to hear; the closed pipe ends it, and this makes sure.
  if (found?.early || problem !== null) kill(child);
  const { code } = await child.status;
  if (signal.aborted) throw new Error("stopped");
  if (limit.aborted) throw new Error(`unpacking took longer than ${LIMIT_MS / 1000} s`);
  if (problem !== null) throw problem;
  if (found === null || (!found.early && code !== 0)) throw new Error(`dpkg-deb cannot read it (exit code ${code})`);
  if (found.file === null) return found.sibling === null ? null : { sibling: found.sibling };
  return found.file.name.endsWith(".gz")
    ? await gunzip(found.file.content, found.file.cut)
    : { text: new TextDecoder().decode(found.file.content), cut: found.file.cut };
}

interface Found {
  file: { name: string; content: Uint8Array<ArrayBuffer>; cut: boolean } | null;
  sibling: string | null;
  /** True when the rest of the archive was not looked at. */
  early: boolean;
}

async function search(tar: ReadableStream<Uint8Array>, folder: string): Promise<Found> {
  const prefix = `usr/share/doc/${folder}`;
  const found: Found = { file: null, sibling: null, early: false };
  for await (const entry of readTar(tar)) {
    const path = entry.path.replace(/\/$/, "");
    if (path !== prefix && !path.startsWith(`${prefix}/`)) continue;
    if (entry.type === "symlink") found.sibling ??= siblingOf(entry, path === prefix, folder);
    if (entry.type !== "file" || path === prefix) continue;
    const name = path.slice(prefix.length + 1);
    const rank = names.indexOf(name);
    if (rank < 0 || (found.file !== null && names.indexOf(found.file.name) <= rank)) continue;
    const bound = name.endsWith(".gz") ? COMPRESSED_LIMIT : TEXT_LIMIT;
    found.file = { name, content: await entry.read(bound), cut: entry.size > bound };
    if (rank === 0) return { ...found, early: true };
  }
  return found;
}

/** `OTHER` or `../OTHER/changelog.Debian.gz`: the name of a folder beside ours, as text to look for. */
function siblingOf(entry: TarEntry, is_folder: boolean, own: string): string | null {
  const target = entry.target.replace(/^\/?(?:usr\/share\/doc\/)/, "").replace(/\/$/, "");
  const match = is_folder
    ? /^(?:\.\/)?([a-z0-9][a-z0-9+.-]*)$/.exec(target)
    : /^(?:\.\.\/)?([a-z0-9][a-z0-9+.-]*)\/changelog(?:\.Debian)?(?:\.gz)?$/.exec(target);
  return match === null || match[1] === own || match[1].length > 255 ? null : match[1];
}

async function gunzip(content: Uint8Array<ArrayBuffer>, cut: boolean): Promise<{ text: string; cut: boolean }> {
  let offset = 0;
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (offset >= content.length) return controller.close();
      controller.enqueue(content.subarray(offset, offset + PIECE));
      offset += PIECE;
    },
  }, { highWaterMark: 0 });
  const reader = pieces.pipeThrough(new DecompressionStream("gzip")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { text, cut };
      text += decoder.decode(value.subarray(0, TEXT_LIMIT - bytes), { stream: true });
      bytes += value.length;
      if (bytes > TEXT_LIMIT) return { text, cut: true };
    }
  } catch (cause) {
    // Where we cut, the end is missing of course.
    if (cut && text !== "") return { text, cut };
    throw new Error("its changelog is damaged", { cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}
