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
  if (!NAME.test(name)) throw new TypeError(`not a Debian package name: ${JSON.stringify(name)}`);
  if (!ARCHITECTURE.test(arch)) throw new TypeError(`not a Debian architecture: ${JSON.stringify(arch)}`);
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
    ...["-o", `DPkg::Lock::Timeout=${Math.trunc(lock_timeout_seconds)}`],
    ...["-o", "Dpkg::Use-Pty=0"],
    ...["-o", "APT::Status-Fd=3"],
    ...["-o", "Dpkg::Options::=--force-confdef"],
    ...["-o", "Dpkg::Options::=--force-confold"],
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

/** Everything that could be installed without a removal: what "all updates" means here. */
export const upgradeSimulation = ["-s", "-q=2", ...noLocks(), "--with-new-pkgs", "upgrade"];

/** Without Error-Mode=any apt-get update ends with 0 although every download failed. */
export const refreshArguments = ["update", "-q", "-o", "APT::Update::Error-Mode=any"];

function noLocks(): string[] {
  return ["-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=0"];
}
