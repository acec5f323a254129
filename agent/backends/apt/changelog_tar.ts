/**
 * Reads a tar stream entry by entry, as dpkg-deb writes it (ustar with GNU long names). Nothing is ever written
 * anywhere, a path is only text to compare, and every length is bounded: the archive comes from a repository, and
 * a repository may be hostile.
 */

/** One entry. Its content can be read until the next one is asked for. */
export interface TarEntry {
  /** As text, without a leading `./` or `/`; other than that it is what the archive says. */
  path: string;
  type: "file" | "symlink" | "other";
  /** Bytes. */
  size: number;
  /** Where a symbolic link points, as text. */
  target: string;
  /** The first bytes of the content, at most `limit`. */
  read(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The archive is not one, or goes beyond what a package may be. */
export class TarError extends Error {}

const BLOCK = 512;
/** Longer names are in no package: dpkg itself takes no path above PATH_MAX. */
const NAME_LIMIT = 4096;
/** The largest packages have some 100,000 files. */
const ENTRY_LIMIT = 1_000_000;
/** Unpacked. Firmware and fonts come to 2 GB; beyond this it is a bomb. */
const BYTE_LIMIT = 8 * 2 ** 30;

/**
 * @throws TarError for a damaged or truncated archive, and beyond one million entries or 8 GiB
 */
export async function* readTar(stream: ReadableStream<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = byteSource(stream);
  try {
    let long_name: string | null = null;
    let long_target: string | null = null;
    for (let count = 0; count < ENTRY_LIMIT; count++) {
      const header = await source.take(BLOCK);
      if (header.every((byte) => byte === 0)) return;
      checkSum(header);
      const size = number(header.subarray(124, 136));
      const flag = String.fromCharCode(header[156]);
      const padding = (BLOCK - size % BLOCK) % BLOCK;
      if (flag === "L" || flag === "K") {
        if (size > NAME_LIMIT) throw new TarError(`a name of ${size} bytes`);
        const name = text(await source.take(size));
        await source.skip(padding);
        if (flag === "L") long_name = name;
        else long_target = name;
        continue;
      }
      // Sparse files carry more headers behind this one, which only their own rules could skip.
      if (flag === "S") throw new TarError("a sparse file");
      let left = size;
      yield {
        path: (long_name ?? shortName(header)).replace(/^(?:\.?\/)+/, ""),
        type: flag === "0" || flag === "\0" ? "file" : flag === "2" ? "symlink" : "other",
        size,
        target: long_target ?? text(header.subarray(157, 257)),
        async read(limit) {
          const length = Math.min(limit, left);
          left -= length;
          return await source.take(length);
        },
      };
      await source.skip(left + padding);
      long_name = long_target = null;
    }
    throw new TarError(`more than ${ENTRY_LIMIT} entries`);
  } finally {
    await source.close();
  }
}

function byteSource(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  let chunk: Uint8Array = new Uint8Array(0);
  let total = 0;

  /** The next bytes, at least one and at most `length`. */
  async function some(length: number): Promise<Uint8Array> {
    while (chunk.length === 0) {
      const { done, value } = await reader.read();
      if (done) throw new TarError("it ends in the middle");
      chunk = value;
      total += value.length;
      if (total > BYTE_LIMIT) throw new TarError(`more than ${BYTE_LIMIT / 2 ** 30} GiB`);
    }
    const part = chunk.subarray(0, length);
    chunk = chunk.subarray(part.length);
    return part;
  }

  return {
    async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
      const parts: Uint8Array[] = [];
      let left = length;
      while (left > 0) {
        const part = await some(left);
        parts.push(part);
        left -= part.length;
      }
      const whole = new Uint8Array(length);
      let offset = 0;
      for (const part of parts) {
        whole.set(part, offset);
        offset += part.length;
      }
      return whole;
    },
    async skip(length: number): Promise<void> {
      for (let left = length; left > 0;) left -= (await some(left)).length;
    },
    close: () => reader.cancel().catch(() => {}),
  };
}

/** The sum of all bytes of the header, with blanks in the place of the sum itself. */
function checkSum(header: Uint8Array): void {
  let sum = 8 * 32;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i];
  if (sum !== number(header.subarray(148, 156))) throw new TarError("a header with a wrong checksum");
}

/** Octal text, or with the highest bit set a binary number (GNU). */
function number(field: Uint8Array): number {
  if (field[0] & 0x80) {
    let value = field[0] & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (value > BYTE_LIMIT) throw new TarError("a file larger than any package");
    return value;
  }
  const digits = text(field).trim();
  if (!/^[0-7]{0,12}$/.test(digits)) throw new TarError("a size that is no number");
  return digits === "" ? 0 : parseInt(digits, 8);
}

function shortName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  // Only POSIX has a prefix; GNU keeps times in its place.
  const prefix = text(header.subarray(257, 263)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
