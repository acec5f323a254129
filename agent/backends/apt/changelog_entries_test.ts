import assert from "node:assert/strict";
import { changelogOf } from "./changelog_fixture_test.ts";
import { idsSince, parseChangelog } from "./changelog_entries.ts";

const glibc = changelogOf("glibc", [
  ["2.36-9+deb12u4", "CVE-2023-6246", "CVE-2023-6779", "CVE-2023-6246"],
  ["2.36-9+deb12u3", "CVE-2023-4911"],
  ["2.36-9+deb12u2"],
  ["2.36-9", "CVE-2022-39046"],
]);

Deno.test("changelog: every entry with its own ids, sorted and once", () => {
  assert.deepEqual(parseChangelog(glibc), {
    complete: true,
    entries: [
      { version: "2.36-9+deb12u4", cve_ids: ["CVE-2023-6246", "CVE-2023-6779"] },
      { version: "2.36-9+deb12u3", cve_ids: ["CVE-2023-4911"] },
      { version: "2.36-9+deb12u2", cve_ids: [] },
      { version: "2.36-9", cve_ids: ["CVE-2022-39046"] },
    ],
  });
});

const since: [installed: string, ids: string[] | null][] = [
  ["2.36-9+deb12u4", []],
  ["2.36-9+deb12u3", ["CVE-2023-6246", "CVE-2023-6779"]],
  ["2.36-9+deb12u1", ["CVE-2023-4911", "CVE-2023-6246", "CVE-2023-6779"]],
  ["2.36-9", ["CVE-2023-4911", "CVE-2023-6246", "CVE-2023-6779"]],
  ["2.36-8", ["CVE-2022-39046", "CVE-2023-4911", "CVE-2023-6246", "CVE-2023-6779"]],
  // A local rebuild lies between the entries; an epoch lies above all of them; a tilde below its version.
  ["2.36-9+deb12u3+local1", ["CVE-2023-6246", "CVE-2023-6779"]],
  ["1:0.1", []],
  ["2.36-9+deb12u4~bpo11", ["CVE-2023-6246", "CVE-2023-6779"]],
];

for (const [installed, ids] of since) {
  Deno.test(`changelog: what an update of ${installed} brings`, () => {
    assert.deepEqual(idsSince(parseChangelog(glibc), installed), ids);
  });
}

Deno.test("changelog: older history with other numbers counts no more", () => {
  const text = changelogOf("foo", [["1.2-1", "CVE-2024-0001"], ["1.1-1"], ["20081212-1", "CVE-2008-0001"]]);
  assert.deepEqual(idsSince(parseChangelog(text), "1.1-1"), ["CVE-2024-0001"]);
});

Deno.test("changelog: cut off before the installed version, no ids means nothing is known", () => {
  const quiet = changelogOf("bash", [["5.2-3"], ["5.2-2"]]);
  const loud = changelogOf("bash", [["5.2-3"], ["5.2-2", "CVE-2024-0002"]]);
  for (
    const mark of [
      "# For older changelog entries, run 'apt-get changelog bash'\n",
      "# Older entries have been removed from this changelog.\n# To read the complete changelog use `apt changelog bash`.\n",
    ]
  ) {
    assert.equal(parseChangelog(quiet + mark).complete, false);
    assert.equal(idsSince(parseChangelog(quiet + mark), "5.2-1"), null);
    assert.deepEqual(idsSince(parseChangelog(quiet + mark), "5.2-2"), [], "the installed one is in what is left");
    assert.deepEqual(idsSince(parseChangelog(loud + mark), "5.2-1"), ["CVE-2024-0002"], "what is there counts");
  }
  assert.deepEqual(idsSince(parseChangelog(quiet), "5.2-1"), [], "whole: it really names none");
  assert.equal(idsSince(parseChangelog(quiet, true), "5.2-1"), null, "we cut it ourselves");
  assert.equal(idsSince(parseChangelog(""), "1")?.length, 0);
});

const lines: [line: string, ids: string[]][] = [
  ["CVE-2024-1234, CVE-2024-1235 and CVE-2024-123456.", ["CVE-2024-1234", "CVE-2024-123456", "CVE-2024-1235"]],
  ["(CVE-2024-1234)(CVE-2024-1234);CVE-2023-9999", ["CVE-2023-9999", "CVE-2024-1234"]],
  ["debian/patches/CVE-2024-1234-1.patch, d/p/CVE-2024-4321.patch", ["CVE-2024-1234", "CVE-2024-4321"]],
  ["CVE-2024-123, CVE-24-1234, XCVE-2024-1234, CVE-2024-, CVE_2024_1234, CAN-2004-1234", []],
  ["CVE-2024-1234567890123 has too many digits to be one", []],
];

for (const [line, ids] of lines) {
  Deno.test(`changelog: ids in ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parseChangelog(`a (2) x; urgency=low\n\n  * ${line}\n`).entries, [{ version: "2", cve_ids: ids }]);
  });
}

const headers: [line: string, version: string | null][] = [
  ["linux (6.1.192-2) bookworm-security; urgency=high", "6.1.192-2"],
  ["libreoffice (1:7.4.7-1+deb12u5) bookworm-security; urgency=high", "1:7.4.7-1+deb12u5"],
  ["brotli (1.0.9-2+b6) sid; urgency=low, binary-only=yes", "1.0.9-2+b6"],
  ["g++-12 (12.2.0-14~x) a b c; urgency=medium", "12.2.0-14~x"],
  [" indented (1.0) x; urgency=low", null],
  ["words (1.0) without a semicolon", null],
  ["foo (1.0 2) x; urgency=low", null],
  ["foo (-o) x; y", "-o"],
  ["foo (1;rm) x; y", null],
  ["2.1.0 (2024-01-01); an upstream's changelog", "2024-01-01"],
];

for (const [line, version] of headers) {
  Deno.test(`changelog: ${version === null ? "text" : "an entry"} is ${JSON.stringify(line)}`, () => {
    assert.equal(parseChangelog(`${line}\n  * CVE-2024-1234\n`).entries[0]?.version ?? null, version);
  });
}

Deno.test("changelog: a flood of entries, ids or text is bounded and quick", () => {
  const start = performance.now();
  const many = Array.from(
    { length: 6_000 },
    (_, i): [string, ...string[]] => [`1.${9_999 - i}`, `CVE-2024-${10_000 + i}`],
  );
  const entries = parseChangelog(changelogOf("a", many));
  assert.equal(entries.complete, false);
  assert.ok(entries.entries.length >= 4_096 && entries.entries.length <= 5_000);
  const shown = idsSince(entries, "0")!;
  assert.equal(shown.length, 2_048);
  assert.deepEqual([shown[0], shown.at(-1)], ["CVE-2024-10000", "CVE-2024-12047"], "those of the newest entries");
  const one = parseChangelog(
    changelogOf("a", [["1", ...Array.from({ length: 9_000 }, (_, i) => `CVE-2024-${i + 10_000}`)]]),
  );
  assert.deepEqual([one.entries[0].cve_ids.length, one.complete], [2_048, false]);
  for (
    const flood of ["(".repeat(2 ** 22), "a ".repeat(2 ** 21), "CVE-".repeat(2 ** 20), "CVE-2024-1".repeat(2 ** 19)]
  ) {
    parseChangelog(`a (1) x; y\n${flood}`);
    parseChangelog(`a (1${flood}`);
  }
  parseChangelog("\n".repeat(2 ** 22));
  assert.ok(performance.now() - start < 10_000, `${performance.now() - start} ms`);
});
