import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { palettePng } from "./palette_png.ts";

const WIDTH = 20;
const HEIGHT = 7;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG of these pixels, every row by the same filter (PNG, 9.2). */
function rgbPng(pixels: number[][], filter: number, kind = 2): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(pixels.length / WIDTH, 4);
  header.set([8, kind, 0, 0, 0], 8);
  const channels = kind === 6 ? 4 : 3;
  const flat = pixels.flatMap((pixel) => kind === 6 ? [...pixel, 255] : pixel);
  const at = (y: number, x: number) => y < 0 || x < 0 ? 0 : flat[y * WIDTH * channels + x];
  const rows: number[] = [];
  for (let y = 0; y < pixels.length / WIDTH; y++) {
    rows.push(filter);
    for (let x = 0; x < WIDTH * channels; x++) {
      const [left, up, corner] = [at(y, x - channels), at(y - 1, x), x < channels ? 0 : at(y - 1, x - channels)];
      const paeth = [left, up, corner].map((one) => Math.abs(left + up - corner - one));
      const guess = paeth[0] <= paeth[1] && paeth[0] <= paeth[2] ? left : paeth[1] <= paeth[2] ? up : corner;
      rows.push((at(y, x) - [0, left, up, (left + up) >> 1, guess][filter]) & 255);
    }
  }
  const data = deflateSync(Buffer.from(rows));
  // In two parts, as large pictures come.
  const parts = [data.subarray(0, 9), data.subarray(9)].map((part) => chunk("IDAT", part));
  return Buffer.concat([Buffer.from(SIGNATURE), chunk("IHDR", header), ...parts, chunk("IEND", Buffer.alloc(0))]);
}

/** The pixels of a picture with a palette and unfiltered rows. */
function pixelsOf(png: Uint8Array): number[][] {
  const bytes = Buffer.from(png);
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; at += bytes.readUInt32BE(at) + 12) {
    const end = at + 8 + bytes.readUInt32BE(at);
    assert.equal(bytes.readUInt32BE(end), crc32(bytes.subarray(at + 4, end)));
    parts.set(bytes.toString("latin1", at + 4, at + 8), bytes.subarray(at + 8, end));
  }
  const palette = parts.get("PLTE")!;
  const rows = inflateSync(parts.get("IDAT")!);
  return [...rows].filter((_, place) => place % (WIDTH + 1) > 0)
    .map((place) => [...palette.subarray(place * 3, place * 3 + 3)]);
}

const few = Array.from({ length: WIDTH * HEIGHT }, (_, place) => [place * 7 & 255, place * 31 & 255, 255 - place]);

for (const filter of [0, 1, 2, 3, 4]) {
  for (const kind of [2, 6]) {
    Deno.test(`filter ${filter}, colour type ${kind}: a picture of few colours stays as it is`, () => {
      assert.deepEqual(pixelsOf(palettePng(rgbPng(few, filter, kind))), few);
    });
  }
}

Deno.test("of more colours than a palette has, the rare ones become their nearest neighbour", () => {
  const many = Array.from({ length: 600 }, (_, place) => place < 300 ? [place & 255, place >> 8, 0] : [9, 0, 0]);
  const seen = pixelsOf(palettePng(rgbPng(many, 0)));
  assert.deepEqual(seen.slice(300), many.slice(300));
  assert.equal(new Set(seen.map(String)).size, 256);
  const worst = seen.map((pixel, place) => Math.max(...pixel.map((one, part) => Math.abs(one - many[place][part]))));
  assert.ok(Math.max(...worst) <= 1);
});

Deno.test("what is no picture of a browser is refused", () => {
  assert.throws(() => palettePng(new TextEncoder().encode("GIF89a and more")), /This is no PNG/);
  assert.throws(() => palettePng(rgbPng(few, 0, 3)), /not of a browser's kind/);
});
