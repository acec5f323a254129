import { readProgram } from "./read_program.ts";

const MEBIBYTE = 2 ** 20;

/** One filesystem on which an update may founder. */
export interface DiskSpace {
  /** What lies there, as the managed system names it: `/`, `/var` or `/boot`. */
  path: string;
  /** Device or pool: the same for two paths means the same space. */
  source: string;
  /** Bytes that are free for us. */
  free: number;
  /** Free inodes; null where the filesystem makes them as it needs them. */
  free_inodes: number | null;
}

/** From where on a place counts as nearly full. */
export interface DiskLimit {
  path: string;
  /** Bytes. */
  free: number;
  free_inodes: number;
  /** Completes "… are free on /var, where". */
  purpose: string;
}

/**
 * Downloads, dpkg's database and its backups need room in /var, unpacked files (before the old ones go) in /. A
 * kernel, its initial ram disk and the copy that is made while it is written need about 150 MiB in /boot. A large
 * documentation or source package has ten thousand files.
 */
export const diskLimits: readonly DiskLimit[] = [
  { path: "/var", free: 512 * MEBIBYTE, free_inodes: 10_000, purpose: "packages are downloaded and recorded" },
  { path: "/", free: 512 * MEBIBYTE, free_inodes: 10_000, purpose: "packages are installed" },
  { path: "/boot", free: 150 * MEBIBYTE, free_inodes: 16, purpose: "kernels are installed" },
];

/**
 * Space on `/`, `/var` and, where it is a mount of its own, `/boot`; what cannot be read is left out.
 * @param root a managed system below a folder: the same places below it
 */
export async function readDisks(root: string | null): Promise<DiskSpace[]> {
  const places = diskLimits.map(({ path }) => root === null ? path : root + (path === "/" ? "" : path));
  // One program for all, because Deno asks for the right to read a folder before it tells the space there.
  const answer = await readProgram("/usr/bin/df", [
    ...["--block-size=1", "--output=source,avail,itotal,iavail,target,file", "--"],
    ...places,
  ]);
  if (answer === null) return [];
  const rows = parseSpace(answer.stdout);
  const disks = diskLimits.flatMap(({ path }, index) => {
    const row = rows.get(places[index]);
    return row === undefined ? [] : [{ path, ...row }];
  });
  const main = disks.find((disk) => disk.path === "/");
  return disks.filter((disk) => disk.path !== "/boot" || disk.source !== main?.source);
}

/** Reads `df --output=source,avail,itotal,iavail,target,file`: by file, because two may lie on one mount. */
export function parseSpace(text: string): Map<string, Omit<DiskSpace, "path">> {
  const rows = new Map<string, Omit<DiskSpace, "path">>();
  for (const line of text.split("\n").slice(1)) {
    const match = /^(.+?)\s+(\d+)\s+(\d+|-)\s+(\d+|-)\s+(\/.*?)\s+(\/\S*)$/.exec(line);
    if (match === null) continue;
    const [, source, free, inodes, free_inodes, , file] = match;
    // Filesystems without a fixed number (btrfs, FAT) say 0 of 0 or a dash.
    const counted = Number(inodes) > 0 && /^\d+$/.test(free_inodes);
    rows.set(file, { source, free: Number(free), free_inodes: counted ? Number(free_inodes) : null });
  }
  return rows;
}

/** What is nearly full, in words; each filesystem once. Empty: everything has room. */
export function judgeDisks(disks: DiskSpace[], limits: readonly DiskLimit[] = diskLimits): string[] {
  const problems: string[] = [];
  const told = new Set<string>();
  for (const { path, free, free_inodes, purpose } of limits) {
    const disk = disks.find((candidate) => candidate.path === path);
    if (disk === undefined || told.has(disk.source)) continue;
    if (disk.free < free) {
      problems.push(
        `Only ${inMebibytes(disk.free)} MiB are free on ${path}, where ${purpose}; below ${inMebibytes(free)} MiB an ` +
          `update may fail. ${advice(path)}`,
      );
    } else if (disk.free_inodes !== null && disk.free_inodes < free_inodes) {
      problems.push(
        `Only ${disk.free_inodes} more files can be made on ${path} (its inodes are used up), where ${purpose}. ` +
          "Remove folders with many small files.",
      );
    } else continue;
    told.add(disk.source);
  }
  return problems;
}

function advice(path: string): string {
  return path === "/boot"
    ? "Remove old kernels (`apt-get autoremove --purge` on the host)."
    : "Free some space (`apt-get clean` on the host removes downloaded packages).";
}

const inMebibytes = (bytes: number) => Math.floor(bytes / MEBIBYTE);
