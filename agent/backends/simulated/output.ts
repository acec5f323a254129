import type { Distribution } from "./distributions.ts";
import type { PendingUpdate } from "./inventory.ts";

/** What the package manager of a distribution says at each step, in its own manner of speaking. Lines end in \n. */
export interface Words {
  refresh(): string;
  refreshFailed(): string;
  download(one: PendingUpdate, number: number, total: number): string;
  install(one: PendingUpdate, number: number, total: number): string;
  failed(one: PendingUpdate): string;
  diskFull(): string;
  end(count: number): string;
  /** The former version again. */
  revert(one: PendingUpdate): string;
  /** What was interrupted is finished. */
  repair(): string;
}

/** The words of one distribution's package manager. */
export function wordsOf(distribution: Distribution): Words {
  return { ...common(distribution), ...managers[distribution.manager](distribution) };
}

function common({ server }: Distribution) {
  return {
    refreshFailed: () => `Err: ${server}: temporary failure in name resolution\n`,
    diskFull: () => "write error: No space left on device\n",
    revert: ({ package: one, update }: PendingUpdate) =>
      `Downgrading ${one.name} (${update.version}) to (${one.version}) ... done\n`,
    repair: () => "Setting up what was unpacked and not configured ... done\n",
    end: (count: number) => `${count} package${count === 1 ? "" : "s"} done.\n`,
  };
}

type Specific = Omit<Words, "refreshFailed" | "diskFull" | "end" | "revert" | "repair"> & Partial<Words>;

const managers: Record<Distribution["manager"], (distribution: Distribution) => Specific> = {
  apt: ({ server, arch, repository }) => ({
    refresh: () => `Hit:1 ${server} ${repository.split("/")[0]} InRelease\nReading package lists...\n`,
    download: ({ package: one, update }, number) =>
      `Get:${number} ${server} ${update.repository} ${arch} ${one.name} ${arch} ${update.version} [${
        kilobytes(update.size_bytes)
      }]\n`,
    install: ({ package: one, update }) =>
      `Preparing to unpack .../${one.name}_${update.version}_${arch}.deb ...\n` +
      `Unpacking ${one.name} (${update.version}) over (${one.version}) ...\nSetting up ${one.name} (${update.version}) ...\n`,
    failed: ({ package: one }) =>
      `dpkg: error processing package ${one.name} (--configure):\n` +
      ` installed ${one.name} package post-installation script subprocess returned error exit status 1\n`,
    diskFull: () => "E: You don't have enough free space in /var/cache/apt/archives/.\n",
  }),
  dnf: ({ arch }) => ({
    refresh: () => "Last metadata expiration check: 0:00:01 ago.\nDependencies resolved.\n",
    download: ({ package: one, update }, number, total) =>
      `(${number}/${total}): ${one.name}-${update.version}.${arch}.rpm  ${kilobytes(update.size_bytes)}\n`,
    install: ({ package: one, update }, number, total) =>
      `  Upgrading        : ${one.name}-${update.version}.${arch}  ${number}/${total}\n`,
    failed: ({ package: one, update }) =>
      `warning: %post(${one.name}-${update.version}.${arch}) scriptlet failed, exit status 1\n` +
      `Error in POSTIN scriptlet in rpm package ${one.name}\n`,
    end: () => "Complete!\n",
  }),
  zypper: ({ arch, repository }) => ({
    refresh: () =>
      `Repository '${repository}' is up to date.\nLoading repository data...\nReading installed packages...\n`,
    download: ({ package: one, update }, number, total) =>
      `Retrieving: ${one.name}-${update.version}.${arch} (${repository})  (${number}/${total}), ${
        kilobytes(update.size_bytes)
      }\n`,
    install: ({ package: one, update }, number, total) =>
      `(${number}/${total}) Installing: ${one.name}-${update.version}.${arch} [done]\n`,
    failed: ({ package: one, update }) =>
      `warning: %post(${one.name}-${update.version}.${arch}) scriptlet failed, exit status 1\n`,
  }),
  apk: ({ server, repository }) => ({
    refresh: () => `fetch ${server}/${repository}/x86_64/APKINDEX.tar.gz\n`,
    download: ({ package: one, update }) => `Downloading ${one.name}-${update.version}.apk\n`,
    install: ({ package: one, update }, number, total) =>
      `(${number}/${total}) Upgrading ${one.name} (${one.version} -> ${update.version})\n`,
    failed: ({ package: one, update }) =>
      `ERROR: ${one.name}-${update.version}.post-upgrade: script exited with error 1\n`,
    end: () => "OK\n",
  }),
  pacman: ({ arch }) => ({
    refresh: () => ":: Synchronizing package databases...\n core is up to date\n extra is up to date\n",
    download: ({ package: one, update }) =>
      ` ${one.name}-${update.version}-${arch} ${kilobytes(update.size_bytes)} 100%\n`,
    install: ({ package: one }, number, total) => `(${number}/${total}) upgrading ${one.name} [#####] 100%\n`,
    failed: ({ package: one }) => `error: command failed to execute correctly (${one.name})\n`,
  }),
};

function kilobytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 1000)).toLocaleString("en-US")} kB`;
}
