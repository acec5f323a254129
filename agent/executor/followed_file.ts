import { cleanText } from "../clean_text.ts";

/** Reads what is added to a file that somebody else writes. */
export interface FollowedFile {
  /** What came since the last call, at most 64 KiB; empty when nothing did. */
  next(): string;
  /** Bytes read so far, counted from the start of the file. */
  readonly offset: number;
  close(): void;
}

const CHUNK = 65_000;

/** Follows a file from a position in bytes. A missing file counts as empty until it is there. */
export function followFile(path: string, start = 0): FollowedFile {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(CHUNK);
  let file: Deno.FsFile | null = null;
  let offset = start;
  return {
    get offset() {
      return offset;
    },
    next() {
      if (file === null) {
        file = openIfThere(path);
        file?.seekSync(offset, Deno.SeekMode.Start);
      }
      const count = file?.readSync(buffer) ?? null;
      offset += count ?? 0;
      return count === null ? "" : cleanText(decoder.decode(buffer.subarray(0, count), { stream: true }));
    },
    close() {
      file?.close();
      file = null;
    },
  };
}

/**
 * The last bytes of a file as text; empty when it is not there.
 * @param end byte at which the file counts as ended, although more may be there by now; a character that it divides is
 *   left out
 */
export function readTail(path: string, bytes: number, end = Infinity): string {
  const file = openIfThere(path);
  if (file === null) return "";
  try {
    const size = Math.min(end, file.statSync().size);
    file.seekSync(Math.max(0, size - bytes), Deno.SeekMode.Start);
    const buffer = new Uint8Array(Math.min(size, bytes));
    let filled = 0;
    while (filled < buffer.length) {
      const count = file.readSync(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return cleanText(new TextDecoder().decode(buffer.subarray(0, filled), { stream: end < Infinity }));
  } finally {
    file.close();
  }
}

function openIfThere(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
