import assert from "node:assert/strict";
import { PatchList } from "../protocol/api.ts";
import { aptTest, makeBed } from "./backends/apt/sandbox_fixture_test.ts";
import { asTable } from "./list_command.ts";

/** Exactly what the command needs: apt's and dpkg's reading programs, and the system's files. */
const rights = (root: string) => [
  "--no-prompt",
  "--allow-run=" + ["apt-get", "apt-cache", "apt-mark", "dpkg", "dpkg-query", "cat"].map((name) => `/usr/bin/${name}`)
    .join(","),
  `--allow-read=${root}`,
];

/** Runs the command as its own process, with those rights and no others. */
async function list(folder: string, root: string, flags: { check?: boolean; json?: boolean } = {}) {
  const script = `${folder}/list.ts`;
  const args = { root, check: flags.check ?? false, json: flags.json ?? false };
  await Deno.writeTextFile(
    script,
    `import { runList } from ${JSON.stringify(import.meta.resolve("./list_command.ts"))};\n` +
      `Deno.exit(await runList(${JSON.stringify(args)}));\n`,
  );
  const configuration = new URL("../deno.json", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--config", configuration, ...rights(root), script],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

aptTest("list prints a table, list --check compares, and both only read", async () => {
  const bed = await makeBed();
  try {
    const table = await list(bed.folder, bed.root);
    assert.equal(table.code, 0, table.stderr);
    const lines = table.stdout.trimEnd().split("\n");
    assert.match(lines[0], /^PACKAGE +INSTALLED +AVAILABLE +SECURITY +STATE +REASON$/);
    assert.match(
      lines.find((line) => line.startsWith("libtessera3"))!,
      /3\.0\.11-1 +3\.0\.11-1\+deb12u3 +yes +installable/,
    );
    assert.match(lines.find((line) => line.startsWith("pelican-proxy"))!, /Brings along libpelican-filters1\./);
    assert.match(lines.find((line) => line.startsWith("magpie-server"))!, / no +held +On hold on this host/);
    assert.match(lines.at(-1)!, /^13 on offer, 5 of them security; 10 would be installed, \d+ kB to download\.$/);

    const checked = await list(bed.folder, bed.root, { check: true });
    assert.equal(checked.code, 0, checked.stderr);
    assert.match(checked.stdout, /Compared with apt package by package: the same \(13 updates\)\.\n$/);

    const json = await list(bed.folder, bed.root, { check: true, json: true });
    const answer = JSON.parse(json.stdout);
    assert.equal(PatchList.parse(answer).patches.length, 13);
    assert.deepEqual([json.code, answer.differences, answer.security_updates, answer.error], [0, [], 5, null]);

    // What a check cannot excuse: the administrator's list says less than the states do.
    await Deno.mkdir(`${bed.root}/etc/patch-agent`, { recursive: true });
    await Deno.writeTextFile(`${bed.root}/etc/patch-agent/exclude`, "nobody knows this\n");
    const blocked = await list(bed.folder, bed.root);
    assert.equal(blocked.code, 0);
    assert.match(blocked.stdout, /Nothing can be installed now: .*line 1, "nobody knows this"/);
  } finally {
    await Deno.remove(bed.folder, { recursive: true });
  }
});

aptTest("list answers 2 for a folder without a system, 1 when apt cannot be asked", async () => {
  const bed = await makeBed();
  try {
    for (const root of [`${bed.folder}/nowhere`, "relative/path", bed.folder]) {
      const { code, stdout, stderr } = await list(bed.folder, root);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /There is no system below/);
    }
    await Deno.writeTextFile(`${bed.root}/var/lib/dpkg/status`, "Package: half\nThis is no database\n");
    const broken = await list(bed.folder, bed.root, { check: true });
    assert.equal(broken.code, 1, broken.stdout);
    assert.match(broken.stderr, /The package manager cannot be asked: .*dpkg-query/);
  } finally {
    await Deno.remove(bed.folder, { recursive: true });
  }
});

Deno.test("the table never lets a repository's words steer the terminal", () => {
  const patch = {
    name: "curlew",
    current_version: "1\x1b[2J",
    available_version: "2\u202e",
    severity: "unknown" as const,
    state: "kept_back" as const,
    state_reason: "a\nb\x9bc",
  };
  const table = asTable({ installed: [], patches: [patch], error: "bad\x07", security_offers: [] });
  assert.ok(!/[\p{Cc}\p{Cf}]/u.test(table.replaceAll("\n", "")), JSON.stringify(table));
  assert.equal(table.split("\n").length, 4);
  assert.equal(asTable({ installed: [], patches: [], error: null, security_offers: [] }), "No update is on offer.");
});
