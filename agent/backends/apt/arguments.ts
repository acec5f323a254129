/**
 * The only place that turns names and versions into arguments of apt-get. `--` does not protect: apt takes
 * `name-` for a removal, `name+` for an installation, and ?, ~, *, / and = for patterns, wherever they stand
 * (measured with apt 2.6 to 3.0). So an argument is always `name:arch=version`, each part checked against Debian
 * Policy 5.6, and the caller takes the parts from its own listing.
 */

/** One package to bring to one version. */
export interface Target {
  name: string;
  arch: string;
  version: string;
}

const NAME = /^[a-z0-9][a-z0-9+.-]{1,254}$/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]{0,30}$/;
/** A version never ends with a dash (no empty revision), and apt would read one as "remove". */
const VERSION = /^[0-9A-Za-z](?:[0-9A-Za-z.+:~-]{0,253}[0-9A-Za-z.+~])?$/;
const RUN_ID = /^[A-Za-z0-9-]{1,64}$/;

/** @throws TypeError when a part is not what Debian Policy allows */
export function targetArgument(target: Target): string {
  const { name, arch, version } = target;
  checkName(name);
  checkArchitecture(arch);
  if (!VERSION.test(version)) throw new TypeError(`not a Debian version: ${JSON.stringify(version)}`);
  // apt strips one trailing plus as its "install" mark, so a version that really ends with one gets another.
  return `${name}:${arch}=${version}${version.endsWith("+") ? "+" : ""}`;
}

/** The option that names the run in the process list and in apt's history. apt keeps unknown options in peace. */
export function runMark(run_id: string): string {
  if (!RUN_ID.test(run_id)) throw new TypeError(`not a run id: ${JSON.stringify(run_id)}`);
  return `LinuxPatchManager::Run=${run_id}`;
}

/**
 * The transaction. Never removes, never downgrades, never installs what was not there except new dependencies,
 * keeps configuration files that were changed on the host. The mark comes first because apt's history cuts long
 * command lines.
 * @param lock_timeout_seconds how long apt waits for another package manager
 */
export function applyArguments(run_id: string, targets: Target[], lock_timeout_seconds: number): string[] {
  if (targets.length === 0) throw new TypeError("a transaction needs at least one package");
  return [
    ...["-o", runMark(run_id)],
    ...["-y", "-q", "--no-remove", "--only-upgrade"],
    ...transactionOptions(lock_timeout_seconds),
    "install",
    ...targets.map(targetArgument),
  ];
}

/** The same transaction as a simulation. Removals are allowed here, so that they can be named and refused. */
export function planArguments(targets: Target[]): string[] {
  if (targets.length === 0) throw new TypeError("a plan needs at least one package");
  // -q once: -qq would hide which dependency is in the way.
  return ["-s", "-q", ...noLocks(), "--only-upgrade", "install", ...targets.map(targetArgument)];
}

/**
 * Everything that could be installed without a removal: what "all updates" means here.
 * @param kept packages at the version that is installed: apt leaves them, and whatever needs a newer one of them, alone
 */
export function upgradeArguments(kept: Target[]): string[] {
  return ["-s", "-q=2", ...noLocks(), "--with-new-pkgs", "upgrade", ...kept.map(targetArgument)];
}

/** The same, as the list of what would be downloaded: `'URI' FILE BYTES HASH` a line. Downloads nothing. */
export function downloadListArguments(kept: Target[]): string[] {
  return ["-qq", "--print-uris", "-y", ...noLocks(), "--with-new-pkgs", "upgrade", ...kept.map(targetArgument)];
}

/** Every index with its source and whether its signature was verified; reads files only. */
export const indexTargets = ["indextargets", "--format", "$(TRUSTED) $(DESCRIPTION)"];

/** Without Error-Mode=any apt-get update ends with 0 although every download failed. */
export const refreshArguments = ["update", "-q", "-o", "APT::Update::Error-Mode=any"];

/**
 * What an administrator may have allowed in apt's configuration for work by hand, and what must not come of an order
 * from elsewhere: removing what nobody needs any more along with everything else, packages without a signature,
 * changing what is on hold. Every transaction and its simulation go without.
 */
const strict = [
  ...["-o", "APT::Get::AutomaticRemove=false"],
  ...["-o", "APT::Get::AllowUnauthenticated=false"],
  ...["-o", "APT::Get::allow-change-held-packages=false"],
];

/** Without the last one a simulation overwrites the log of the last real transaction (eipp.log.xz, measured). */
function noLocks(): string[] {
  return [
    ...["-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=0"],
    ...strict,
    ...["-o", "Dir::Log::Planner=/dev/null"],
  ];
}

/** A package file that was saved before a job, named by us. */
export interface SavedArchive {
  /** The executor's state folder, absolute. */
  state: string;
  /** The job before which it was saved. */
  job_id: string;
  name: string;
  arch: string;
}

const PLAIN_FOLDER = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The path of a saved package, the only kind of path that reaches apt: it lies in a job's folder of our own state,
 * and its name is made of parts that were checked. Without the version, whose colon and tilde apt would write
 * otherwise.
 * @throws TypeError when a part is not plain
 */
export function archivePath(archive: SavedArchive): string {
  const { state, job_id, name, arch } = archive;
  if (!PLAIN_FOLDER.test(state)) throw new TypeError(`not a plain absolute folder: ${JSON.stringify(state)}`);
  if (!UUID.test(job_id)) throw new TypeError(`not a job id: ${JSON.stringify(job_id)}`);
  checkName(name);
  checkArchitecture(arch);
  return `${state}/jobs/${job_id}/saved/${name}_${arch}.deb`;
}

/** Fetches exact versions into the working folder; installs nothing and takes no lock. */
export function downloadArguments(targets: Target[], options: { only_print: boolean }): string[] {
  if (targets.length === 0) throw new TypeError("a download needs at least one package");
  // `download` knows no install mark, so a trailing plus stays single.
  const words = targets.map((target) => targetArgument(target).replace(/\+\+$/, "+"));
  return [...(options.only_print ? ["-qq", "--print-uris"] : ["-q"]), "download", ...words];
}

/**
 * Takes a job back in one transaction: saved packages by path, and packages that the job had brought along removed.
 * `--allow-downgrades` and the removals are what a rollback is; the simulation before has shown that nothing else
 * comes of it.
 */
export function rollbackArguments(
  run_id: string,
  archives: SavedArchive[],
  removals: Omit<Target, "version">[],
  lock_timeout_seconds: number,
): string[] {
  return [
    ...["-o", runMark(run_id)],
    ...["-y", "-q", "--allow-downgrades"],
    ...transactionOptions(lock_timeout_seconds),
    ...rollbackWords(archives, removals),
  ];
}

/** The same as a simulation. */
export function rollbackSimulation(archives: SavedArchive[], removals: Omit<Target, "version">[]): string[] {
  return ["-s", "-q", ...noLocks(), "--allow-downgrades", ...rollbackWords(archives, removals)];
}

function rollbackWords(archives: SavedArchive[], removals: Omit<Target, "version">[]): string[] {
  if (archives.length + removals.length === 0) throw new TypeError("a rollback needs at least one package");
  return ["install", ...archives.map(archivePath), ...removals.map(removalArgument)];
}

/** `name:arch-`: apt's word for "remove", and only a rollback says it. */
function removalArgument({ name, arch }: Omit<Target, "version">): string {
  checkName(name);
  checkArchitecture(arch);
  return `${name}:${arch}-`;
}

/**
 * Completes broken dependencies; whatever would have to be removed stops it.
 * @param again packages whose files are in pieces and must be unpacked again, in exactly these versions: apt's `-f`
 * says that it would do so and does nothing (measured with 2.6)
 */
export function fixArguments(run_id: string, again: Target[], lock_timeout_seconds: number): string[] {
  return [
    ...["-o", runMark(run_id)],
    ...["-y", "-q", "--no-remove"],
    ...transactionOptions(lock_timeout_seconds),
    ...fixWords(again),
  ];
}

/** The same as a simulation. Removals are allowed here, so that they can be named and refused. */
export function fixSimulation(again: Target[]): string[] {
  return ["-s", "-q", ...noLocks(), ...fixWords(again)];
}

function fixWords(again: Target[]): string[] {
  return ["-f", ...(again.length > 0 ? ["--reinstall"] : []), "install", ...again.map(targetArgument)];
}

/**
 * dpkg finishes what it has begun: every package that is unpacked and not configured.
 * @param options what apt's own configuration gives dpkg on this host (`DPkg::Options`)
 */
export function configureArguments(options: string[]): string[] {
  return [...options, "--force-confdef", "--force-confold", "--status-fd", "3", "--configure", "-a"];
}

function transactionOptions(lock_timeout_seconds: number): string[] {
  return [
    ...["-o", `DPkg::Lock::Timeout=${Math.trunc(lock_timeout_seconds)}`],
    ...strict,
    ...["-o", "Dpkg::Use-Pty=0"],
    ...["-o", "APT::Status-Fd=3"],
    ...["-o", "Dpkg::Options::=--force-confdef"],
    ...["-o", "Dpkg::Options::=--force-confold"],
  ];
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new TypeError(`not a Debian package name: ${JSON.stringify(name)}`);
}

function checkArchitecture(arch: string): void {
  if (!ARCHITECTURE.test(arch)) throw new TypeError(`not a Debian architecture: ${JSON.stringify(arch)}`);
}
