/** What a file says about where it runs. */
export interface ExecutableFacts {
  /** Debian's name of its architecture; null when it is no ELF file (a script). */
  arch: string | null;
  /** The newest version of glibc that it asks for, such as "2.27"; null when it asks for none. */
  glibc: string | null;
}

/** e_machine of the ELF header, as Debian calls it. Those for which a runtime exists. */
const MACHINES = new Map([[0x3e, "amd64"], [0xb7, "arm64"]]);

/**
 * Reads it off the file itself, so that the package's fields cannot differ from what it carries.
 * @throws Error for an ELF file of another machine
 */
export function readExecutable(bytes: Uint8Array): ExecutableFacts {
  const elf = bytes.length >= 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
  if (!elf) return { arch: null, glibc: null };
  const [wide, little] = [bytes[4] === 2, bytes[5] === 1];
  const machine = new DataView(bytes.buffer, bytes.byteOffset).getUint16(18, little);
  const arch = MACHINES.get(machine);
  if (!wide || !little || arch === undefined) {
    throw new Error(`The executable is for machine ${machine} of the ELF standard; known are amd64 and arm64.`);
  }
  return { arch, glibc: newestGlibc(bytes) };
}

/**
 * The version names stand as text in the table of dynamic symbols. Looking at all of the file can only find a newer
 * one by mistake, never an older one.
 */
function newestGlibc(bytes: Uint8Array): string | null {
  let newest: number | null = null;
  const mark = new TextEncoder().encode("GLIBC_2.");
  for (let at = bytes.indexOf(mark[0]); at !== -1; at = bytes.indexOf(mark[0], at + 1)) {
    if (!mark.every((byte, i) => bytes[at + i] === byte)) continue;
    let minor = 0;
    for (let i = at + mark.length; bytes[i] >= 0x30 && bytes[i] <= 0x39 && minor < 1000; i++) {
      minor = minor * 10 + bytes[i] - 0x30;
    }
    newest = Math.max(newest ?? 0, minor);
  }
  return newest === null ? null : `2.${newest}`;
}

/** Debian Policy 5.6.20: each file rounded up to whole KiB. */
export function installedKibibytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
}
