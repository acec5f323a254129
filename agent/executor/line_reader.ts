import { LINE_LIMIT } from "../../protocol/executor.ts";

/** A line was longer than {@link LINE_LIMIT}. Whatever follows it cannot be told from its rest. */
export class LineTooLong extends Error {
  constructor() {
    super(`A line is longer than ${LINE_LIMIT} bytes.`);
    this.name = "LineTooLong";
  }
}

/**
 * Cuts a byte stream into lines, without their end. Never holds more than one line and one read.
 * @throws LineTooLong as soon as the limit is passed, TypeError for bytes that are not UTF-8
 */
export async function* readLines(source: { read(buffer: Uint8Array): Promise<number | null> }): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const buffer = new Uint8Array(65_536);
  let parts: Uint8Array[] = [];
  let held = 0;
  for (;;) {
    const count = await source.read(buffer);
    if (count === null) return;
    let start = 0;
    for (let end = buffer.indexOf(10); end >= 0 && end < count; end = buffer.indexOf(10, start)) {
      if (held + end - start >= LINE_LIMIT) throw new LineTooLong();
      yield decoder.decode(join([...parts, buffer.subarray(start, end)]));
      parts = [];
      held = 0;
      start = end + 1;
    }
    held += count - start;
    if (held >= LINE_LIMIT) throw new LineTooLong();
    if (count > start) parts.push(buffer.slice(start, count));
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
