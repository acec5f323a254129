import { type Clock, systemClock } from "../core/clock.ts";
import { type ArchiveEntry, buildDeb, writeIndexes } from "./sandbox_archive.ts";
import { changedConffile, heldPackages, initialVersions, sandboxPackages, sandboxSuites } from "./sandbox_packages.ts";
import type { SandboxPackage } from "./sandbox_packages.ts";

/** A local apt repository with the suites lab, lab-updates and lab-security. */
export interface Repository {
  /**
   * Absolute path; `copy:` + folder is its address. Not `file:`, because apt then only links to its indexes, and a
   * newer version would be on offer without a refresh (measured), which no real mirror does.
   */
  folder: string;
  entries: ArchiveEntry[];
}

/** A host below a folder, run by the machine's own apt and dpkg, without rights on anything outside of it. */
export interface SandboxHost {
  /** Absolute path: what the executor takes as `--root`. */
  root: string;
}

const tools = ["/usr/bin/apt-get", "/usr/bin/apt-cache", "/usr/bin/dpkg", "/usr/bin/dpkg-deb", "/usr/bin/dpkg-query"];

/** Why a sandbox cannot be made on this machine, in words; null when it can. */
export async function sandboxMissing(): Promise<string | null> {
  const missing: string[] = [];
  for (const tool of tools) if (!await exists(tool)) missing.push(tool);
  return missing.length === 0 ? null : `this machine has no ${missing.join(", ")} (the real host needs apt and dpkg)`;
}

/** Builds every package and the indexes into an empty or missing folder. About a second. */
export async function buildRepository(folder: string, clock: Clock = systemClock): Promise<Repository> {
  await Deno.mkdir(folder, { recursive: true });
  const entries: ArchiveEntry[] = new Array(sandboxPackages.length);
  let next = 0;
  const build = async () => {
    while (next < sandboxPackages.length) {
      const index = next++;
      entries[index] = await buildDeb(folder, sandboxPackages[index]);
    }
  };
  await Promise.all([build(), build(), build()]);
  await writeIndexes(folder, entries, clock.now());
  return { folder, entries };
}

/**
 * Offers one more version, as a distribution does. `damage` breaks what was announced: `missing` removes the file
 * (404 for apt), `corrupt` changes it after its checksum was written.
 */
export async function publish(
  repository: Repository,
  item: SandboxPackage,
  options: { damage?: "missing" | "corrupt"; clock?: Clock } = {},
): Promise<void> {
  const entry = await buildDeb(repository.folder, item);
  repository.entries.push(entry);
  await writeIndexes(repository.folder, repository.entries, (options.clock ?? systemClock).now());
  const path = `${repository.folder}/${entry.filename}`;
  if (options.damage === "missing") await Deno.remove(path);
  if (options.damage === "corrupt") await Deno.writeFile(path, new Uint8Array(entry.size));
}

/**
 * Makes a host with everything installed at its oldest version, updates pending, one package on hold and one
 * configuration file changed by hand.
 * @param options.uri address of the repository, default its folder
 * @param options.trusted false leaves out the mark that lets an unsigned repository through, after installing
 */
export async function createSandboxHost(
  root: string,
  repository: Repository,
  options: { uri?: string; trusted?: boolean; hostname?: string } = {},
): Promise<SandboxHost> {
  await writeSkeleton(root, options.hostname ?? "sandbox");
  await writeSources(root, `copy:${repository.folder}`, true);
  await run(root, "/usr/bin/apt-get", ["-q", "update"]);
  const wanted = [...initialVersions()].map(([name, version]) => `${name}=${version}`);
  await run(root, "/usr/bin/apt-get", ["-y", "-q", "--no-install-recommends", "install", ...wanted]);
  await run(root, "/usr/bin/apt-mark", ["hold", ...heldPackages]);
  await Deno.writeTextFile(`${root}/${changedConffile.path}`, changedConffile.text);
  await writeSources(root, options.uri ?? `copy:${repository.folder}`, options.trusted ?? true);
  if (options.uri && options.trusted !== false) await run(root, "/usr/bin/apt-get", ["-q", "update"]);
  return { root };
}

/** True when the folder holds a sandbox host, from an earlier start for example. */
export async function isSandboxHost(root: string): Promise<boolean> {
  return await exists(`${root}/apt.conf`) && await exists(`${root}/var/lib/dpkg/status`);
}

/** The environment in which apt and dpkg see only the sandbox. */
export function sandboxEnvironment(root: string): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    DEBIAN_FRONTEND: "noninteractive",
    APT_CONFIG: `${root}/apt.conf`,
  };
}

async function writeSkeleton(root: string, hostname: string): Promise<void> {
  if (!/^\/[A-Za-z0-9/._-]+$/.test(root)) {
    throw new Error(`The sandbox folder must be an absolute path of letters, digits, / . _ and -: ${root}`);
  }
  for (
    const folder of [
      "etc/apt/apt.conf.d",
      "etc/apt/preferences.d",
      "etc/apt/sources.list.d",
      "etc/apt/trusted.gpg.d",
      "etc/default",
      "var/lib/apt/lists/partial",
      "var/lib/dpkg/updates",
      "var/lib/dpkg/info",
      "var/lib/dpkg/triggers",
      "var/cache/apt/archives/partial",
      "var/log/apt",
      "run",
    ]
  ) await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  const architecture = (await run(null, "/usr/bin/dpkg", ["--print-architecture"])).trim();
  await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, "");
  await Deno.writeTextFile(`${root}/var/lib/dpkg/available`, "");
  await Deno.writeTextFile(`${root}/var/lib/dpkg/arch`, architecture + "\n");
  await Deno.writeTextFile(`${root}/etc/hostname`, hostname + "\n");
  await Deno.writeTextFile(`${root}/etc/machine-id`, crypto.randomUUID().replaceAll("-", "") + "\n");
  await Deno.writeTextFile(
    `${root}/etc/os-release`,
    `PRETTY_NAME="Sandbox (apt and dpkg of this machine)"\nNAME="Sandbox"\nVERSION_ID="1"\nID=sandbox\nID_LIKE=debian\nVERSION_CODENAME=lab\n`,
  );
  await Deno.writeTextFile(`${root}/apt.conf`, aptConfiguration(root, architecture));
}

/**
 * APT_CONFIG is read before any other file, so `Dir` moves apt.conf.d, lists, cache and log below the root.
 * Without APT::Sandbox::User apt as root would drop to `_apt`, which may not read the folder. A fixed machine id
 * makes phased updates the same on every machine; SOURCE_DATE_EPOCH is not set, because apt then ignores phasing.
 */
function aptConfiguration(root: string, architecture: string): string {
  return `Dir "${root}/";
Dir::State::status "${root}/var/lib/dpkg/status";
Dir::Etc::trustedparts "${root}/etc/apt/trusted.gpg.d/";
Dir::Log "${root}/var/log/apt";
Dir::Bin::dpkg "/usr/bin/dpkg";
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Machine-ID "0123456789abcdef0123456789abcdef";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "0";
Dpkg::Use-Pty "0";
DPkg::Options { "--root=${root}"; "--force-not-root"; "--force-script-chrootless"; "--log=${root}/var/log/dpkg.log"; };
DPkg::Path "";
DPkg::Chroot-Directory "/";
`;
}

async function writeSources(root: string, uri: string, trusted: boolean): Promise<void> {
  const options = trusted ? "[trusted=yes] " : "";
  const lines = sandboxSuites.map((suite) => `deb ${options}${uri} ${suite} main\n`);
  await Deno.writeTextFile(`${root}/etc/apt/sources.list`, lines.join(""));
}

async function run(root: string | null, program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: sandboxEnvironment(root ?? "/nonexistent"),
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`${program} ${args[0]} failed in the sandbox: ${text.decode(stderr) || text.decode(stdout)}`);
  }
  return text.decode(stdout);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
