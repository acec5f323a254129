import type { OldPackage, OldVersions, Plan, ProgramCall, SavedPlace } from "../../executor/package_manager.ts";
import { archivePath, downloadArguments, type Target } from "./arguments.ts";
import { aptCall, hostPath, programs, read } from "./command.ts";
import { parsePolicy } from "./policy.ts";

/** Downloading old versions may take as long as downloading new ones. Milliseconds. */
const DOWNLOAD_MS = 1_800_000;
/** Building one package anew. Milliseconds. */
const REPACK_MS = 300_000;

/**
 * Kernels are never taken back: the running one cannot be removed under itself, and the older one is still there.
 * Also what other distributions of the family call theirs.
 */
const KERNEL = /^(?:linux-(?:image|modules|signed|kernel)|(?:pve|proxmox|raspberrypi|raspi)-kernel|kernel-)/;

/** True for a package whose rollback would touch a kernel. @param running `uname -r`, null below a root */
export function isKernelPackage(name: string, running: string | null): boolean {
  return KERNEL.test(name) || (running !== null && name.includes(running));
}

/** Where the old version of everything that a plan changes can be had. Reads only. */
export async function findOldVersions(
  root: string | null,
  native: string,
  running: string | null,
  plan: Plan,
): Promise<OldVersions> {
  const result: OldVersions = { found: [], missing: [], refused: null };
  const kernels = plan.changes.filter((change) => isKernelPackage(change.name, running)).map((change) => change.name);
  if (kernels.length > 0) {
    const names = kernels.slice(0, 5).join(", ");
    result.refused = `${names}: a kernel is not taken back. The older one stays installed: choose it in the boot menu.`;
    return result;
  }
  const wanted: OldPackage[] = plan.changes.filter((change) => change.from !== null).map((change) => ({
    name: change.name,
    // The architecture on offer may differ from the installed one only between `all` and the native one.
    arch: change.name.split(":")[1] ?? native,
    version: change.from!,
  }));
  const offered = await offeredVersions(root, wanted);
  const can_repack = await isThere(hostPath(null, programs.dpkg_repack));
  for (const old of wanted) {
    const cached = await cachedArchive(root, old);
    const bytes = offered.get(keyOf(old));
    if (cached !== null) result.found.push({ ...old, from: "cache", bytes: cached.bytes });
    else if (bytes !== undefined) result.found.push({ ...old, from: "repository", bytes });
    else if (can_repack) result.found.push({ ...old, from: "repack", bytes: null });
    else result.missing.push(`${old.name}=${old.version}`);
  }
  return result;
}

/** See `RollbackManager.save`. Each way is tried once; what a way did not bring is tried by repacking. */
export async function saveOldVersions(
  root: string | null,
  versions: OldVersions,
  place: SavedPlace,
  signal: AbortSignal,
): Promise<OldPackage[]> {
  const folder = `${place.state}/jobs/${place.job_id}/saved`;
  const saved: OldPackage[] = [];
  const open = new Set<OldVersions["found"][number]>(versions.found);
  const take = async (old: OldVersions["found"][number], path: string) => {
    const target = savedPath(place, old);
    if (path !== target) await Deno.rename(path, target);
    saved.push({ name: old.name, arch: old.arch, version: old.version });
    open.delete(old);
  };
  for (const old of versions.found) {
    const cached = old.from === "cache" ? await cachedArchive(root, old) : null;
    if (cached === null) continue;
    // A copy: a link would need the right to write into apt's own cache, and the cache may be cleaned in place.
    await Deno.copyFile(cached.path, savedPath(place, old));
    if (await isPackage(savedPath(place, old), old)) await take(old, savedPath(place, old));
    else await Deno.remove(savedPath(place, old));
  }
  const download = [...open].filter((old) => old.from !== "repack");
  if (download.length > 0) {
    const call = aptCall(root, programs.apt_get, downloadArguments(download.map(targetOf), { only_print: false }));
    await runIn(folder, call, AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_MS)]));
    await takeWhatCame(folder, open, take);
  }
  if (open.size > 0 && await isThere(programs.dpkg_repack)) {
    for (const old of open) {
      signal.throwIfAborted();
      const call = aptCall(root, programs.dpkg_repack, [...(root === null ? [] : [`--root=${root}`]), old.name]);
      await runIn(folder, call, AbortSignal.any([signal, AbortSignal.timeout(REPACK_MS)]));
      await takeWhatCame(folder, open, take);
    }
  }
  signal.throwIfAborted();
  return saved;
}

/** Reads back what a file is: nothing is believed of its name. */
export async function isPackage(path: string, wanted: OldPackage): Promise<boolean> {
  const { code, stdout } = await read({
    ...aptCall(null, programs.dpkg_deb, ["-f", path, "Package", "Version", "Architecture"]),
  });
  if (code !== 0) return false;
  const field = (name: string) => new RegExp(`^${name}: (\\S+)$`, "m").exec(stdout)?.[1];
  const arch = field("Architecture");
  return field("Package") === wanted.name.split(":")[0] && field("Version") === wanted.version &&
    (arch === wanted.arch || arch === "all");
}

/** Absolute path of one saved package. */
export function savedPath(place: SavedPlace, old: Pick<OldPackage, "name" | "arch">): string {
  return archivePath({ ...place, name: old.name.split(":")[0], arch: old.arch });
}

async function takeWhatCame(
  folder: string,
  open: Set<OldVersions["found"][number]>,
  take: (old: OldVersions["found"][number], path: string) => Promise<void>,
): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const name = /^([a-z0-9][a-z0-9+.-]*)_[^_/]+_[^_/]+\.deb$/.exec(entry.name)?.[1];
    if (name === undefined || !entry.isFile) continue;
    for (const old of open) {
      if (old.name.split(":")[0] !== name || !await isPackage(`${folder}/${entry.name}`, old)) continue;
      await take(old, `${folder}/${entry.name}`);
      break;
    }
  }
}

/** Bytes of each version that a repository still offers, by `name:arch=version`. */
async function offeredVersions(root: string | null, wanted: OldPackage[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (wanted.length === 0) return sizes;
  const { stdout } = await read(aptCall(root, programs.apt_cache, ["policy", ...wanted.map((old) => old.name)]));
  const table = parsePolicy(stdout);
  const offered = wanted.filter((old) =>
    table.get(old.name)?.versions.some((item) => item.version === old.version && item.suites.length > 0)
  );
  if (offered.length === 0) return sizes;
  const call = aptCall(root, programs.apt_get, downloadArguments(offered.map(targetOf), { only_print: true }));
  const printed = parsePrintedUris((await read(call)).stdout);
  for (const old of offered) {
    const bytes = printed.get(archiveName(old)) ?? printed.get(archiveName({ ...old, arch: "all" }));
    if (bytes !== undefined) sizes.set(keyOf(old), bytes);
  }
  return sizes;
}

/** Reads `'URI' FILE SIZE HASH` of `--print-uris`: bytes by file name. */
export function parsePrintedUris(text: string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^'[^']*' (\S+) (\d{1,15})(?: \S*)?$/.exec(line);
    if (match) sizes.set(match[1], Number(match[2]));
  }
  return sizes;
}

async function cachedArchive(root: string | null, old: OldPackage): Promise<{ path: string; bytes: number } | null> {
  for (const arch of [old.arch, "all"]) {
    const path = hostPath(root, `/var/cache/apt/archives/${archiveName({ ...old, arch })}`);
    try {
      const { size, isFile } = await Deno.lstat(path);
      if (isFile) return { path, bytes: size };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** As apt names files: the colon of an epoch is written as %3a. */
function archiveName({ name, arch, version }: OldPackage): string {
  return `${name.split(":")[0]}_${version.replaceAll(":", "%3a")}_${arch}.deb`;
}

function keyOf(old: OldPackage): string {
  return `${old.name.split(":")[0]}:${old.arch}=${old.version}`;
}

function targetOf(old: OldPackage): Target {
  return { name: old.name.split(":")[0], arch: old.arch, version: old.version };
}

/** Runs a program that writes into its working folder; how it ended does not matter, only what lies there. */
async function runIn(folder: string, call: ProgramCall, signal: AbortSignal): Promise<void> {
  await new Deno.Command(call.program, {
    args: call.args,
    clearEnv: true,
    env: call.env,
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal,
  }).output();
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
