/** One entry of an archive that a test makes. */
export interface Part {
  path: string;
  /** Type of the entry, default a file. */
  flag?: string;
  content?: string | Uint8Array;
  target?: string;
  prefix?: string;
  magic?: string;
  /** Raw bytes of the size instead of the true one. */
  size_field?: string;
}

/** One entry: header, content, padding. */
export function packed(part: Part): Uint8Array<ArrayBuffer> {
  const content = typeof part.content === "string" ? new TextEncoder().encode(part.content) : part.content;
  const size = content?.length ?? 0;
  const bytes = new Uint8Array(512 + Math.ceil(size / 512) * 512);
  const put = (text: string, offset: number) => {
    for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  };
  put(part.path.slice(0, 100), 0);
  put("0000644\0" + "0000000\0" + "0000000\0", 100);
  put(part.size_field ?? size.toString(8).padStart(11, "0") + "\0", 124);
  put("00000000000\0", 136);
  put("        ", 148);
  put(part.flag ?? "0", 156);
  put(part.target ?? "", 157);
  put(part.magic ?? "ustar\u000000", 257);
  put(part.prefix ?? "", 345);
  put(bytes.subarray(0, 512).reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148);
  if (content) bytes.set(content, 512);
  return bytes;
}

/** A whole archive with its end. */
export function pack(parts: Part[]): Uint8Array<ArrayBuffer> {
  return join([...parts.map(packed), new Uint8Array(1024)]);
}

/** A .deb around an archive, as no tool would make it (deb(5): an ar archive of three members). */
export function debAround(data: Uint8Array, control = "Package: x\nVersion: 1\nArchitecture: all\n"): Uint8Array {
  const member = (name: string, content: Uint8Array) =>
    join([
      new TextEncoder().encode(
        `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${
          String(content.length).padEnd(10)
        }\`\n`,
      ),
      content,
      new Uint8Array(content.length % 2),
    ]);
  return join([
    new TextEncoder().encode("!<arch>\n"),
    member("debian-binary", new TextEncoder().encode("2.0\n")),
    member("control.tar", pack([{ path: "./control", content: control }])),
    member("data.tar", data),
  ]);
}

/** A stream in pieces of that many bytes. */
export function streamOf(bytes: Uint8Array, chunk: number): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(offset, offset + chunk));
      offset += chunk;
    },
  });
}

export async function gzip(content: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A changelog with one entry per version, newest first, each naming its ids. */
export function changelogOf(source: string, entries: [version: string, ...ids: string[]][]): string {
  return entries.map(([version, ...ids]) =>
    `${source} (${version}) lab-security; urgency=high\n\n  * Fixes.\n${
      ids.map((id) => `    - ${id}: something\n`).join("")
    }\n -- A <a@example.test>  Thu, 01 Jan 2026 00:00:00 +0000\n`
  ).join("\n");
}

function join(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
