import assert from "node:assert/strict";
import { readDebChangelog } from "./changelog_deb.ts";
import { changelogOf, debAround, gzip, pack, type Part } from "./changelog_fixture_test.ts";
import { aptTest } from "./sandbox_fixture_test.ts";

const never = new AbortController().signal;
const text = changelogOf("owl", [["2.0-1", "CVE-2026-990051"], ["1.0-1"]]);
const doc = "./usr/share/doc";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "patch-changelog-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is found in a .deb with these entries, asked for the package `owl`. */
async function readParts(parts: Part[]): Promise<unknown> {
  let found: unknown;
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.deb`, debAround(pack(parts)));
    found = await readDebChangelog(`${folder}/a.deb`, "owl", never);
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["a.deb"], "nothing is unpacked");
  });
  return found;
}

const whole = { text, cut: false };
const debian = async (path = "changelog.Debian.gz") => ({ path: `${doc}/owl/${path}`, content: await gzip(text) });
const upstream = { path: `${doc}/owl/changelog.gz`, content: await gzip("Version 2.0: much better\n") };

const finds: [name: string, parts: Part[], found: unknown][] = [
  ["the packager's changelog", [{ path: `${doc}/owl/`, flag: "5" }, await debian()], whole],
  ["the packager's, not upstream's, in either order", [upstream, await debian()], whole],
  ["the changelog of a native package", [await debian("changelog.gz")], whole],
  ["one that is not compressed", [{ path: `${doc}/owl/changelog.Debian`, content: text }], whole],
  ["a native one that is not compressed", [{ path: `${doc}/owl/changelog`, content: text }], whole],
  ["without a leading dot", [{ ...await debian(), path: "usr/share/doc/owl/changelog.Debian.gz" }], whole],
  ["no documents", [{ path: "./usr/bin/owl", content: "x" }], null],
  ["only another package's", [{ ...await debian(), path: `${doc}/owls/changelog.Debian.gz` }], null],
  ["a folder of that name", [{ path: `${doc}/owl/changelog.Debian.gz`, flag: "5" }], null],
  ["a device of that name", [{ path: `${doc}/owl/changelog.Debian.gz`, flag: "3" }], null],
  ["a rebuild's entry only", [await debian("changelog.Debian.amd64.gz")], null],
  ["a link to another package", [{ path: `${doc}/owl`, flag: "2", target: "owl-common" }], { sibling: "owl-common" }],
  [
    "a link of the file itself",
    [{ path: `${doc}/owl/changelog.Debian.gz`, flag: "2", target: "../owl-common/changelog.Debian.gz" }, upstream],
    { text: "Version 2.0: much better\n", cut: false },
  ],
  [
    "a link of the file alone",
    [{ path: `${doc}/owl/changelog.Debian.gz`, flag: "2", target: "../libowl1/changelog.Debian.gz" }],
    { sibling: "libowl1" },
  ],
  [
    "a link into a folder that the same package has",
    [{ ...await debian(), path: `${doc}/owl-docs/changelog.Debian.gz` }, {
      path: `${doc}/owl`,
      flag: "2",
      target: "owl-docs",
    }],
    whole,
  ],
  ["a link to itself", [{ path: `${doc}/owl`, flag: "2", target: "owl" }], null],
  [
    "links in a circle",
    [{ path: `${doc}/owl`, flag: "2", target: "owl-a" }, { path: `${doc}/owl-a`, flag: "2", target: "owl" }],
    { sibling: "owl" },
  ],
  ...["/etc/shadow", "../../../../etc/shadow", "/usr/share/doc/../../../etc", "a/b", "-rf", "A B", ".", ".."].map((
    target,
  ): [string, Part[], unknown] => [`a link to ${target}`, [{ path: `${doc}/owl`, flag: "2", target }], null]),
  [
    "paths that only look like it",
    await Promise.all(
      [
        `${doc}/owl/../owl/changelog.Debian.gz`,
        `/etc/${doc}/owl/changelog.Debian.gz`,
        `${doc}//owl/changelog.Debian.gz`,
      ]
        .map(async (path) => ({ ...await debian(), path })),
    ),
    null,
  ],
];

for (const [name, parts, found] of finds) {
  aptTest(`deb: ${name}`, async () => assert.deepEqual(await readParts(parts), found));
}

aptTest("deb: a long changelog is read from its beginning only", async () => {
  const long = text + "  * nothing worth a word\n".repeat(10 ** 6);
  const found = await readParts([{
    path: `${doc}/owl/changelog.Debian.gz`,
    content: await gzip(long),
  }]) as typeof whole;
  assert.deepEqual([found.cut, found.text.length], [true, 16 * 2 ** 20]);
  assert.ok(found.text.startsWith(text));
  const plain = await readParts([{ path: `${doc}/owl/changelog`, content: long }]) as typeof whole;
  assert.deepEqual([plain.cut, plain.text.length], [true, 16 * 2 ** 20]);
});

aptTest("deb: a gzip bomb costs neither memory nor time", async () => {
  // 1 GiB of zeros in 1 MiB.
  const compressor = new CompressionStream("gzip");
  const writer = compressor.writable.getWriter();
  const compressed = new Response(compressor.readable).arrayBuffer();
  const zeros = new Uint8Array(2 ** 20);
  for (let i = 0; i < 1024; i++) await writer.write(zeros);
  await writer.close();
  const content = new Uint8Array(await compressed);
  assert.ok(content.length < 2 * 2 ** 20);
  const [start, before] = [performance.now(), Deno.memoryUsage().rss];
  const found = await readParts([{ path: `${doc}/owl/changelog.Debian.gz`, content }]) as typeof whole;
  assert.equal(found.cut, true);
  assert.ok(performance.now() - start < 15_000);
  assert.ok(Deno.memoryUsage().rss - before < 400 * 2 ** 20, `${(Deno.memoryUsage().rss - before) / 2 ** 20} MiB`);
});

aptTest("deb: what compresses badly is cut where we stop reading", async () => {
  const noise = new Uint8Array(6 * 2 ** 20);
  for (let i = 0; i < noise.length; i += 65_536) crypto.getRandomValues(noise.subarray(i, i + 65_536));
  const content = await gzip(new Uint8Array([...new TextEncoder().encode(text), ...noise]));
  const found = await readParts([{ path: `${doc}/owl/changelog.Debian.gz`, content }]) as typeof whole;
  assert.equal(found.cut, true);
  assert.ok(found.text.startsWith(text));
});

aptTest("deb: whatever is damaged is an error, never a changelog", async () => {
  const good = debAround(pack([{ path: "./a", content: "x".repeat(9_000) }, await debian()]));
  const compressed = await gzip(text);
  const middle = good.length - 9_000;
  const cases: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /./],
    ["text", new TextEncoder().encode("not a package\n".repeat(99)), /./],
    ["cut in the middle", good.subarray(0, middle), /./],
    ["cut in its first line", good.subarray(0, 5), /./],
    ["without data", debAround(new Uint8Array(0)), /ends in the middle/],
    [
      "no gzip",
      debAround(pack([{ path: `${doc}/owl/changelog.Debian.gz`, content: "plain" }])),
      /changelog is damaged/,
    ],
    [
      "half a gzip",
      debAround(pack([{ path: `${doc}/owl/changelog.Debian.gz`, content: compressed.subarray(0, -12) }])),
      /changelog is damaged/,
    ],
  ];
  await inFolder(async (folder) => {
    for (const [name, bytes, words] of cases) {
      await Deno.writeFile(`${folder}/a.deb`, bytes);
      await assert.rejects(readDebChangelog(`${folder}/a.deb`, "owl", never), words, name);
    }
    await assert.rejects(readDebChangelog(`${folder}/missing.deb`, "owl", never), /./);
    await assert.rejects(readDebChangelog(folder, "owl", never), /./);
  });
});

aptTest("deb: stopped means stopped", async () => {
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.deb`, debAround(pack([{ path: "./a", content: new Uint8Array(2 ** 22) }])));
    await assert.rejects(readDebChangelog(`${folder}/a.deb`, "owl", AbortSignal.abort()), /./);
  });
});
