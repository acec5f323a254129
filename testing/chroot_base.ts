/**
 * Genuine Debian systems, as a mirror serves them today: the base suite installed, then the updates and security
 * suites added and the index read, so that whatever is pending today is pending. Built once per test run.
 */

/** Debian 12 has apt 2.6, Debian 13 apt 3.0: the oldest and the newest that we promise. */
export const chrootSuites = ["bookworm", "trixie"] as const;
export type ChrootSuite = typeof chrootSuites[number];

/** Where the agent's own files are seen inside of the chroot. */
export const mounts = { deno: "/usr/local/bin/deno", project: "/opt/linux-patch-manager" } as const;

/**
 * Besides apt and what Debian calls essential. One of the suites has needrestart and a service that it can name, the
 * other has not, as real machines.
 */
const includes: Record<ChrootSuite, string[]> = { bookworm: ["procps", "cron", "needrestart"], trixie: ["procps"] };

const tools = ["/usr/bin/mmdebstrap", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/sbin/chroot", "/usr/bin/apt-get"];
const apt_helper = "/usr/lib/apt/apt-helper";
/** Signs the base; it also knows the release after its own, so trixie needs no other on an older machine. */
const keyring = (suite: ChrootSuite) => `/usr/share/keyrings/debian-archive-${suite}-automatic.gpg`;
const default_mirror = { base: "http://deb.debian.org/debian", security: "http://deb.debian.org/debian-security" };

/** Why no chroot can be made on this machine, in words; null when one can. Reaches for the mirror for up to 15 s. */
export async function chrootMissing(): Promise<string | null> {
  if (Deno.uid() !== 0) return "a chroot needs root";
  for (const tool of tools) if (!await isThere(tool)) return `this machine has no ${tool}; install mmdebstrap`;
  if (!await isThere(keyring("bookworm"))) return "this machine has no keys of Debian; install debian-archive-keyring";
  const { base } = await findMirror();
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-mirror-" });
  try {
    const patience = ["-o", "Acquire::http::Timeout=5", "-o", "Acquire::Retries=1"];
    const address = `${base}/dists/bookworm/InRelease`;
    await output(apt_helper, [...patience, "download-file", address, `${folder}/InRelease`]);
    return null;
  } catch {
    return `the mirror ${base} cannot be reached`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * The folder of a finished base, which must not be changed: copy it. Below TEST_FOLDER, where it goes with the test
 * run; otherwise below a folder that goes with this process. 15 to 30 s the first time.
 */
export async function chrootBase(suite: ChrootSuite): Promise<string> {
  const cache = await cacheFolder();
  using lock = await Deno.open(`${cache}/chroot-${suite}.lock`, { create: true, write: true });
  await lock.lock(true);
  const base = `${cache}/chroot-${suite}`;
  if (await isThere(base)) return base;
  const unfinished = `${base}.unfinished`;
  await Deno.remove(unfinished, { recursive: true }).catch(() => {});
  const mirror = await findMirror();
  const settings = await networkSettings();
  // Where this machine is older than the suite, Debian's own next-to-last release vouches for it.
  const keys = await isThere(keyring(suite)) ? null : `${await chrootBase("bookworm")}${keyring(suite)}`;
  await output("/usr/bin/mmdebstrap", [
    ...["--mode=root", "--variant=apt", "--quiet", `--include=${includes[suite].join(",")}`],
    ...settings.map((line) => `--aptopt=${line}`),
    ...(keys === null ? [] : [`--keyring=${keys}`]),
    ...[suite, unfinished, mirror.base],
  ]);
  await furnish(unfinished, suite, mirror);
  await output("/usr/sbin/chroot", [
    unfinished,
    "/usr/bin/apt-get",
    "-q",
    "-o",
    "APT::Update::Error-Mode=any",
    "update",
  ]);
  await Deno.rename(unfinished, base);
  return base;
}

/** What a machine has and a bootstrapped folder has not. */
async function furnish(root: string, suite: ChrootSuite, mirror: typeof default_mirror): Promise<void> {
  const sources = [
    `deb ${mirror.base} ${suite} main`,
    `deb ${mirror.base} ${suite}-updates main`,
    `deb ${mirror.security} ${suite}-security main`,
  ];
  await Deno.writeTextFile(`${root}/etc/apt/sources.list`, sources.join("\n") + "\n");
  await Deno.copyFile("/etc/resolv.conf", `${root}/etc/resolv.conf`);
  await Deno.copyFile("/etc/hosts", `${root}/etc/hosts`);
  await Deno.writeTextFile(`${root}/etc/hostname`, `${suite}\n`);
  await Deno.writeTextFile(`${root}/etc/machine-id`, crypto.randomUUID().replaceAll("-", "") + "\n");
  // The Debian convention for "start no services": invoke-rc.d asks this program (policy-rc.d, 101 is forbidden).
  await Deno.writeTextFile(`${root}/usr/sbin/policy-rc.d`, "#!/bin/sh\nexit 101\n");
  await Deno.chmod(`${root}/usr/sbin/policy-rc.d`, 0o755);
  await Deno.writeTextFile(root + mounts.deno, "");
  await Deno.mkdir(root + mounts.project, { recursive: true });
}

/** The mirrors that this machine's apt uses for Debian, where it does and they need no certificates. */
async function findMirror(): Promise<typeof default_mirror> {
  const format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
  const found = { ...default_mirror };
  for (const line of (await output("/usr/bin/apt-get", ["indextargets", "--format", format])).split("\n")) {
    const [origin, label, uri] = line.split("|");
    if (origin !== "Debian" || !/^http:\/\/[^\s@]+$/.test(uri)) continue;
    if (label === "Debian") found.base = uri.replace(/\/$/, "");
    if (label === "Debian-Security") found.security = uri.replace(/\/$/, "");
  }
  return found;
}

/** What this machine's apt needs to get through: proxies, and whether dates of indexes can be believed. */
async function networkSettings(): Promise<string[]> {
  const wanted = /^Acquire::(?:https?::Proxy(?:::[^ "]+)?|Check-Valid-Until|Check-Date|https?::Pipeline-Depth) ".+";$/;
  const all = await output("/usr/bin/apt-config", ["dump"]);
  return all.split("\n").filter((line) => wanted.test(line)).map((line) => line.replace(/;$/, ""));
}

let own: string | null = null;

async function cacheFolder(): Promise<string> {
  const given = Deno.env.get("TEST_FOLDER") ?? own;
  if (given !== null && given !== undefined) return given;
  const folder = own = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-chroot-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

/** Runs a program to its end. @returns standard output @throws Error with its last words when it fails */
export async function output(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: programEnvironment,
    cwd: "/",
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(
    `${program} ${args.join(" ")} failed: ${(decoder.decode(stderr) || decoder.decode(stdout)).slice(-2000)}`,
  );
}

/** The whole environment of what runs for a chroot. */
export const programEnvironment = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
};

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
