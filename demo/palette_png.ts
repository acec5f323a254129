import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Colours of a palette: what one byte can name. */
const MOST_COLOURS = 256;

/**
 * The same picture in at most 256 colours and a third of the bytes. For screenshots: their flat grounds stay exactly as
 * they are, and of the many shades at the edges of letters the rare ones become their nearest neighbour.
 * @param png 8 bits per channel, RGB or RGBA without transparency, not interlaced, as browsers make it
 * @throws Error for any other PNG
 */
export function palettePng(png: Uint8Array): Uint8Array {
  const { width, height, channels, data } = readPng(Buffer.from(png));
  const colours = new Uint32Array(width * height);
  const counts = new Map<number, number>();
  for (let place = 0; place < colours.length; place++) {
    const colour = data.readUIntBE(place * channels, 3);
    colours[place] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = paletteOf(counts);
  const index = new Map(palette.map((colour, place) => [colour, place]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0, place = 0; y < height; y++) {
    for (let x = 0; x < width; x++, place++) {
      const colour = colours[place];
      let found = index.get(colour);
      if (found === undefined) index.set(colour, found = nearest(palette, colour));
      rows[y * (width + 1) + 1 + x] = found;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk(
      "PLTE",
      Buffer.concat(palette.map((colour) => Buffer.from([colour >> 16, (colour >> 8) & 255, colour & 255]))),
    ),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The commonest colour of each kind first, so that no small red mark turns brown, then the commonest of all. */
function paletteOf(counts: Map<number, number>): number[] {
  const common = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const kinds = new Map<number, number>();
  for (const colour of common) {
    // Two bits of each channel.
    const kind = colour & 0xc0c0c0;
    if (!kinds.has(kind)) kinds.set(kind, colour);
  }
  return [...new Set([...kinds.values(), ...common])].slice(0, MOST_COLOURS);
}

/** Place of the colour that differs least, by the sum of squares. */
function nearest(palette: number[], colour: number): number {
  let best = 0;
  let least = Infinity;
  palette.forEach((other, place) => {
    const [red, green, blue] = [16, 8, 0].map((shift) => ((colour >> shift) & 255) - ((other >> shift) & 255));
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [best, least] = [place, distance];
  });
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const around = Buffer.alloc(8);
  around.writeUInt32BE(data.length, 0);
  around.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
}

/** Size and unfiltered bytes (PNG, 9.2). */
function readPng(png: Buffer): { width: number; height: number; channels: number; data: Buffer } {
  if (!png.subarray(0, 8).equals(SIGNATURE)) throw new Error("This is no PNG.");
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const [depth, kind, , , interlaced] = png.subarray(24, 29);
  if (depth !== 8 || (kind !== 2 && kind !== 6) || interlaced) throw new Error("This PNG is not of a browser's kind.");
  const channels = kind === 2 ? 3 : 4;
  const stride = width * channels;
  const raw = inflateSync(Buffer.concat(parts));
  const data = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? data[y * stride + x - channels] : 0;
      const up = y > 0 ? data[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? data[(y - 1) * stride + x - channels] : 0;
      data[y * stride + x] = raw[y * (stride + 1) + 1 + x] + predicted(filter, left, up, corner);
    }
  }
  return { width, height, channels, data };
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const guess = left + up - corner;
  const [to_left, to_up, to_corner] = [left, up, corner].map((one) => Math.abs(guess - one));
  return to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner;
}
