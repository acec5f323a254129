import type { PackageDatabase } from "../../executor/package_manager.ts";
import { adminDirectory, aptCall, hostPath, programs, read } from "./command.ts";

/**
 * State of dpkg's database, without taking its lock. A running package manager makes the database look half done,
 * so its lock is asked first.
 */
export async function readDatabaseState(root: string | null): Promise<PackageDatabase> {
  const holder = await lockHolder(root);
  if (holder !== null) {
    return { state: "locked", words: `Another package manager is at work: process ${holder} holds dpkg's lock.` };
  }
  const journal = await leftovers(hostPath(root, "/var/lib/dpkg/updates"));
  const audit = await read(aptCall(root, programs.dpkg, [...adminDirectory(root), "--audit"]));
  return judgeDatabase(journal, audit.stdout);
}

/** Reads `dpkg --audit` and the number of files in updates/, where dpkg leaves what it could not finish. */
export function judgeDatabase(journal: number, audit: string): PackageDatabase {
  const names = [...audit.matchAll(/^ (\S+)/gm)].map((match) => match[1]);
  const list = names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
  const repair = "Run `dpkg --configure -a` on the host.";
  if (journal > 0) return { state: "interrupted", words: `dpkg was interrupted in the middle of a change. ${repair}` };
  if (audit.trim() === "") return { state: "ok", words: null };
  if (/unpacked but not yet configured|half installed|reinstallation|is a mess|are in a mess/.test(audit)) {
    return { state: "interrupted", words: `dpkg was interrupted; not finished: ${list}. ${repair}` };
  }
  return { state: "broken", words: `Packages whose installation failed half-way: ${list}. ${repair}` };
}

/** Id of the process that holds a lock of dpkg or apt's front end, from the kernel's table; null when none does. */
export async function lockHolder(root: string | null): Promise<number | null> {
  const inodes = new Set<number>();
  for (const name of ["lock-frontend", "lock"]) {
    try {
      inodes.add((await Deno.stat(hostPath(root, `/var/lib/dpkg/${name}`))).ino ?? -1);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  if (inodes.size === 0) return null;
  // Deno refuses /proc without all permissions; this program with exactly this argument is allowed.
  const { stdout } = await read({ program: "/usr/bin/cat", args: ["/proc/locks"], env: {} });
  return parseLocks(stdout, inodes);
}

/** Reads /proc/locks: `1: POSIX  ADVISORY  WRITE 3148 fe:00:1234 0 EOF`. Waiting ones carry `->` and hold nothing. */
export function parseLocks(text: string, inodes: Set<number>): number | null {
  for (const line of text.split("\n")) {
    const match = /^\d+: POSIX\s+\S+\s+WRITE\s+(-?\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line);
    if (match && inodes.has(Number(match[2]))) return Number(match[1]);
  }
  return null;
}

async function leftovers(folder: string): Promise<number> {
  let count = 0;
  try {
    for await (const entry of Deno.readDir(folder)) if (/^\d+$/.test(entry.name)) count++;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return count;
}
