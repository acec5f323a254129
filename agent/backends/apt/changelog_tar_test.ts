import assert from "node:assert/strict";
import { readTar, TarError } from "./changelog_tar.ts";
import { pack, packed, type Part, streamOf } from "./changelog_fixture_test.ts";

interface Seen {
  path: string;
  type: string;
  size: number;
  target: string;
}

async function list(bytes: Uint8Array, chunk = 10_000): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { path, type, size, target } of readTar(streamOf(bytes, chunk))) {
    seen.push({ path, type, size, target });
  }
  return seen;
}

Deno.test("tar: files, folders and links are told apart, whatever the pieces", async () => {
  const bytes = pack([
    { path: "./", flag: "5" },
    { path: "./usr/share/doc/a/changelog.Debian.gz", content: "x".repeat(1500) },
    { path: "./usr/share/doc/b", flag: "2", target: "a" },
    { path: "./dev/null", flag: "3" },
    { path: "./etc/hard", flag: "1", target: "./etc/soft" },
    { path: "./empty" },
  ]);
  const expected = [
    { path: "", type: "other", size: 0, target: "" },
    { path: "usr/share/doc/a/changelog.Debian.gz", type: "file", size: 1500, target: "" },
    { path: "usr/share/doc/b", type: "symlink", size: 0, target: "a" },
    { path: "dev/null", type: "other", size: 0, target: "" },
    { path: "etc/hard", type: "other", size: 0, target: "./etc/soft" },
    { path: "empty", type: "file", size: 0, target: "" },
  ];
  for (const chunk of [1, 7, 511, 512, 513, 100_000]) assert.deepEqual(await list(bytes, chunk), expected, `${chunk}`);
});

Deno.test("tar: content is read up to the limit, and the next entry is found however much was read", async () => {
  const bytes = pack([{ path: "a", content: "0123456789".repeat(200) }, { path: "b", content: "end" }]);
  for (const limit of [0, 1, 512, 1999, 2000, 5000]) {
    const parts: string[] = [];
    for await (const entry of readTar(streamOf(bytes, 700))) {
      parts.push(new TextDecoder().decode(await entry.read(limit)));
      assert.equal((await entry.read(0)).length, 0);
    }
    assert.deepEqual(parts.map((part) => part.length), [Math.min(limit, 2000), Math.min(limit, 3)]);
    assert.equal("0123456789".repeat(200).startsWith(parts[0]), true);
  }
});

Deno.test("tar: long names of GNU and the prefix of POSIX", async () => {
  const long = `usr/share/doc/${"n".repeat(200)}/changelog.Debian.gz`;
  const bytes = pack([
    { path: "././@LongLink", flag: "L", content: long + "\0" },
    { path: "usr/share/doc/nnn", content: "1" },
    { path: "././@LongLink", flag: "K", content: "t".repeat(300) + "\0" },
    { path: "link", flag: "2", target: "ttt" },
    { path: "short", prefix: "in/front", content: "2" },
    { path: "gnu", prefix: "13370000000", magic: "ustar  ", content: "3" },
  ]);
  assert.deepEqual((await list(bytes)).map((entry) => [entry.path, entry.target.length]), [
    [long, 0],
    ["link", 300],
    ["in/front/short", 0],
    ["gnu", 0],
  ]);
});

Deno.test("tar: paths are text: whatever they say, only a leading ./ or / is dropped", async () => {
  const paths = ["../../etc/shadow", "/etc/passwd", ".//./x", "./usr/../../y", "..", "a\nb", "//usr/share/doc/p"];
  const bytes = pack(paths.map((path) => ({ path })));
  assert.deepEqual((await list(bytes)).map((entry) => entry.path), [
    "../../etc/shadow",
    "etc/passwd",
    "x",
    "usr/../../y",
    "..",
    "a\nb",
    "usr/share/doc/p",
  ]);
});

const broken: [name: string, bytes: () => Uint8Array, words: RegExp][] = [
  ["nothing at all", () => new Uint8Array(0), /ends in the middle/],
  ["half a header", () => pack([{ path: "a" }]).subarray(0, 300), /ends in the middle/],
  ["half a file", () => pack([{ path: "a", content: "x".repeat(4000) }]).subarray(0, 2000), /ends in the middle/],
  ["no end", () => packed({ path: "a", content: "x" }), /ends in the middle/],
  ["text", () => new TextEncoder().encode("This is no archive. ".repeat(100)), /no number|wrong checksum/],
  ["one bit", () => flipped(pack([{ path: "abc" }]), 1), /wrong checksum/],
  ["a size in words", () => pack([{ path: "a", size_field: "many\0" }]), /no number/],
  ["a negative size", () => pack([{ path: "a", size_field: "\xff".repeat(12) }]), /larger than any/],
  ["a size beyond all", () => pack([{ path: "a", size_field: "\x80" + "\x7f".repeat(11) }]), /larger than any/],
  ["a size that lies", () => pack([{ path: "a", size_field: "77777777777\0", content: "x" }]), /ends in the middle/],
  [
    "a name without end",
    () => pack([{ path: "l", flag: "L", content: "n".repeat(5000) }, { path: "a" }]),
    /5000 bytes/,
  ],
  ["a sparse file", () => pack([{ path: "s", flag: "S" }]), /sparse/],
];

for (const [name, bytes, words] of broken) {
  Deno.test(`tar: ${name} is refused`, async () => {
    await assert.rejects(list(bytes()), (error) => error instanceof TarError && words.test(error.message));
  });
}

Deno.test("tar: a file as large as is possible is skipped without being held", async () => {
  const zeros = new Uint8Array(2 ** 20);
  const header = packed({ path: "large", size_field: "\x80" + "\0".repeat(6) + "\0\x10\0\0\0" }); // 256 MiB
  let sent = -1;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 0) controller.enqueue(header);
      else if (sent <= 256) controller.enqueue(zeros);
      else {
        controller.enqueue(pack([{ path: "after" }] satisfies Part[]));
        controller.close();
      }
    },
  });
  const paths: string[] = [];
  const before = Deno.memoryUsage().rss;
  for await (const entry of readTar(stream)) paths.push(entry.path);
  assert.deepEqual(paths, ["large", "after"]);
  assert.ok(Deno.memoryUsage().rss - before < 100 * 2 ** 20);
});

Deno.test("tar: whoever stops reading closes the stream", async () => {
  let cancelled = false;
  const bytes = pack([{ path: "a" }, { path: "b" }]);
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes.subarray(0, 512)),
    cancel: () => void (cancelled = true),
  });
  for await (const _ of readTar(stream)) break;
  assert.equal(cancelled, true);
});

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = bytes.slice();
  copy[index] ^= 1;
  return copy;
}
