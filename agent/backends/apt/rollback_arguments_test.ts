import assert from "node:assert/strict";
import {
  archivePath,
  configureArguments,
  downloadArguments,
  fixArguments,
  fixSimulation,
  rollbackArguments,
  rollbackSimulation,
} from "./arguments.ts";

const archive = {
  state: "/var/lib/patch-executor",
  job_id: "0199a7f0-1234-7abc-8def-0123456789ab",
  name: "libfoo+bar1",
  arch: "amd64",
};
const path = `/var/lib/patch-executor/jobs/${archive.job_id}/saved/libfoo+bar1_amd64.deb`;

Deno.test("a saved package is named by checked parts, inside our own folder", () => {
  assert.equal(archivePath(archive), path);
});

const hostile: [what: string, change: Partial<typeof archive>][] = [
  ["a relative state", { state: "var/lib" }],
  ["a state with a parent", { state: "/var/../etc" }],
  ["a state with a dot", { state: "/var/./lib" }],
  ["a state with a slash at its end", { state: "/var/lib/" }],
  ["a state with a space", { state: "/var/lib x" }],
  ["a state with a line break", { state: "/var/lib\n/etc" }],
  ["no state", { state: "" }],
  ["a job that is a path", { job_id: "../../../etc" }],
  ["a job in capitals", { job_id: archive.job_id.toUpperCase() }],
  ["a job with a line break", { job_id: `${archive.job_id}\n` }],
  ["a name that is a path", { name: "../x" }],
  ["a name with a slash", { name: "a/b" }],
  ["an option", { name: "-o" }],
  ["a pattern", { name: "lib*" }],
  ["an underscore", { name: "a_b" }],
  ["a name with a line break", { name: "foo\n" }],
  ["an architecture that is a path", { arch: "../amd64" }],
  ["an architecture with a dash first", { arch: "-amd64" }],
  ["no architecture", { arch: "" }],
];

for (const [what, change] of hostile) {
  Deno.test(`refused as a saved package: ${what}`, () => {
    assert.throws(() => archivePath({ ...archive, ...change }), TypeError);
    assert.throws(() => rollbackArguments("run", [{ ...archive, ...change }], [], 1), TypeError);
    assert.throws(() => rollbackSimulation([{ ...archive, ...change }], []), TypeError);
  });
}

Deno.test("a rollback is one transaction of paths and removals; nothing else may downgrade or remove", () => {
  const words = rollbackArguments("run-1", [archive], [{ name: "libnew1", arch: "amd64" }], 120);
  assert.deepEqual(words.slice(0, 2), ["-o", "LinuxPatchManager::Run=run-1"]);
  assert.ok(words.includes("--allow-downgrades"));
  assert.deepEqual(words.slice(words.indexOf("install")), ["install", path, "libnew1:amd64-"]);
  for (
    const never of [
      "--allow-unauthenticated",
      "--allow-remove-essential",
      "--allow-change-held-packages",
      "--force-yes",
    ]
  ) {
    assert.ok(!words.includes(never), never);
  }
  const simulation = rollbackSimulation([archive], [{ name: "libnew1", arch: "amd64" }]);
  assert.equal(simulation[0], "-s");
  assert.deepEqual(simulation.slice(simulation.indexOf("install")), words.slice(words.indexOf("install")));
  assert.throws(() => rollbackArguments("run-1", [], [], 120), TypeError);
  for (const name of ["x-", "-x", "x:y", "a=1", "x ", "?x", "~i", "x\n"]) {
    const allowed = /^[a-z0-9][a-z0-9+.-]+$/.test(name) && !name.includes("\n");
    if (allowed) assert.equal(rollbackArguments("r", [], [{ name, arch: "amd64" }], 1).at(-1), `${name}:amd64-`);
    else assert.throws(() => rollbackArguments("r", [], [{ name, arch: "amd64" }], 1), TypeError, name);
  }
  assert.throws(() => rollbackArguments("a b", [archive], [], 1), TypeError);
});

Deno.test("a repair never removes, and unpacks again only exact versions", () => {
  const again = [{ name: "curlew", arch: "amd64", version: "1:7.88.1-10" }];
  assert.deepEqual(fixArguments("r", [], 5).slice(-2), ["-f", "install"]);
  const words = fixArguments("r", again, 5);
  assert.ok(words.includes("--no-remove"));
  assert.deepEqual(words.slice(-4), ["-f", "--reinstall", "install", "curlew:amd64=1:7.88.1-10"]);
  assert.deepEqual(fixSimulation(again).slice(-4), words.slice(-4));
  assert.ok(!fixSimulation([]).includes("--reinstall"));
  assert.throws(() => fixArguments("r", [{ ...again[0], name: "curlew-", version: "" }], 5), TypeError);
  const dpkg = configureArguments(["--root=/srv/x"]);
  assert.deepEqual(dpkg, [
    "--root=/srv/x",
    "--force-confdef",
    "--force-confold",
    "--status-fd",
    "3",
    "--configure",
    "-a",
  ]);
});

Deno.test("a download names exact versions; a plus at the end of one stays single", () => {
  const targets = [{ name: "a1", arch: "all", version: "1.0+" }, { name: "b1", arch: "amd64", version: "2" }];
  assert.deepEqual(downloadArguments(targets, { only_print: false }), ["-q", "download", "a1:all=1.0+", "b1:amd64=2"]);
  assert.deepEqual(downloadArguments(targets, { only_print: true }).slice(0, 3), ["-qq", "--print-uris", "download"]);
  assert.throws(() => downloadArguments([], { only_print: true }), TypeError);
});
