import { hostPath, read } from "./command.ts";

/** A process that keeps us from changing packages. */
export interface LockHolder {
  /** 0 when it lives in another container: then the kernel does not tell its number here. */
  pid: number;
  /** What it is, for people; null when it has ended meanwhile or is not ours to see. */
  name: string | null;
}

/** Programs that take dpkg's lock, by the name that the kernel keeps of them (15 characters at most). */
const known: [pattern: RegExp, words: string][] = [
  [/^unattended-upgr/, "unattended-upgrades (automatic updates)"],
  [/^apt\.systemd\.dai/, "apt's daily service (automatic updates)"],
  [/^(?:apt|apt-get|aptitude)$/, "$&"],
  [/^(?:dpkg|dpkg-preconfigu|dpkg-deb)$/, "dpkg"],
  [/^packagekitd$/, "packagekitd (the desktop's software centre)"],
  [/^(?:gnome-software|plasma-discover|update-manager|mintUpdate|synaptic|muon)$/, "$& (on the desktop)"],
  [/^aptd$/, "aptd (the desktop's update manager)"],
  [/^(?:cloud-init|ansible.*|puppet|chef-client|salt-minion)$/, "$& (configuration management)"],
];

/** Words for the name of a process; the name itself when it is none of the usual ones. */
export function describeProgram(name: string): string {
  const found = known.find(([pattern]) => pattern.test(name));
  // What the process calls itself is its own choice: no control characters in our words.
  const plain = name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64);
  return found ? found[1].replace("$&", plain) : plain;
}

/** Who holds a lock of dpkg or of apt's front end, from the kernel's table; null when nobody does. */
export async function readLockHolder(root: string | null): Promise<LockHolder | null> {
  const inodes: number[] = [];
  let device = 0;
  // The front end's lock first: apt holds it throughout, and starts the dpkg that holds the other one.
  for (const file of ["lock-frontend", "lock"]) {
    try {
      const { ino, dev } = await Deno.stat(hostPath(root, `/var/lib/dpkg/${file}`));
      inodes.push(ino ?? -1);
      device = dev;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  if (inodes.length === 0) return null;
  // Deno refuses /proc without all permissions; this program with exactly this argument is allowed.
  const locks = await read({ program: "/usr/bin/cat", args: ["/proc/locks"], env: {} });
  const pid = inodes.map((inode) => parseLocks(locks.stdout, new Set([inode]), device)).find((found) => found !== null);
  if (pid === undefined || pid === null) return null;
  return { pid: Math.max(0, pid), name: pid > 0 ? await nameOf(pid) : null };
}

/**
 * Reads /proc/locks: `1: POSIX  ADVISORY  WRITE 3148 fe:00:1234 0 EOF`. Waiting ones carry `->` and hold nothing.
 * @param device where the files lie, as stat says. Files elsewhere may have the same number; but on btrfs and
 * overlays stat and this table do not agree, so only two real disks that differ rule a line out
 */
export function parseLocks(text: string, inodes: Set<number>, device = 0): number | null {
  const ours = [(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)];
  for (const line of text.split("\n")) {
    const match = /^\d+: POSIX\s+\S+\s+WRITE\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s/.exec(line);
    if (match === null || !inodes.has(Number(match[4]))) continue;
    const [major, minor] = [parseInt(match[2], 16), parseInt(match[3], 16)];
    if (ours[0] !== 0 && major !== 0 && (major !== ours[0] || minor !== ours[1])) continue;
    return Number(match[1]);
  }
  return null;
}

/** The argument is a number that the kernel gave, never text from outside. */
async function nameOf(pid: number): Promise<string | null> {
  try {
    const { stdout } = await read({
      program: "/usr/bin/ps",
      args: ["-p", String(Math.trunc(pid)), "-o", "comm="],
      env: { LC_ALL: "C.UTF-8" },
    });
    return stdout.trim() === "" ? null : describeProgram(stdout.trim());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
