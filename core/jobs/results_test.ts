import assert from "node:assert/strict";
import type { PackageChange } from "../../protocol/api.ts";
import { type HostReport, InstalledVersions, judgeApply, judgeDryRun, noReport, readHostReport } from "./results.ts";
import type { JobPatch } from "./types.ts";

function ordered(name: string, change: Partial<JobPatch> = {}): JobPatch {
  return {
    name,
    arch: "amd64",
    from_version: "1",
    to_version: "2",
    origin: "ordered",
    action: "upgrade",
    outcome: "pending",
    reason: null,
    ...change,
  };
}

function said(change: Partial<HostReport> = {}): HostReport {
  return { ...noReport, status: "completed", ...change };
}

/** `name=version` or `name:arch=version`. */
function installed(...packages: string[]): InstalledVersions {
  return new InstalledVersions(packages.map((text) => {
    const [, name, arch = "amd64", version] = /^([^:=]+)(?::([^=]+))?=(.+)$/.exec(text)!;
    return { name, arch, version };
  }));
}

const upgrade = (name: string, to = "2", arch = "amd64"): PackageChange => ({
  name,
  arch,
  from: "1",
  to,
  action: "upgrade",
});

/** What was ordered, what the host claims, what is installed: the state, and outcome by package. */
const APPLIES: [string, JobPatch[], HostReport, InstalledVersions, string, Record<string, string>][] = [
  ["all arrived", [ordered("a"), ordered("b")], said(), installed("a=2", "b=2"), "succeeded", {
    a: "applied",
    b: "applied",
  }],
  ["claimed, but nothing arrived", [ordered("a")], said(), installed("a=1"), "failed", { a: "unchanged" }],
  ["claimed, but one is missing", [ordered("a"), ordered("b")], said(), installed("a=2", "b=1"), "failed", {
    a: "applied",
    b: "unchanged",
  }],
  ["another version arrived", [ordered("a")], said(), installed("a=3"), "failed", { a: "failed" }],
  ["the package is gone", [ordered("a")], said(), installed(), "failed", { a: "failed" }],
  [
    "half-configured at the new version",
    [ordered("a")],
    said({ status: "failed", failed_packages: [{ name: "a", reason: "postinst" }] }),
    installed("a=2"),
    "failed",
    { a: "failed" },
  ],
  [
    "claims success and names a failure",
    [ordered("a")],
    said({ failed_packages: [{ name: "a", reason: "" }] }),
    installed("a=2"),
    "failed",
    { a: "failed" },
  ],
  [
    "all arrived, but the host reports a failure",
    [ordered("a")],
    said({ status: "failed" }),
    installed("a=2"),
    "failed",
    {
      a: "applied",
    },
  ],
  ["forgotten, but all arrived", [ordered("a")], said({ status: null }), installed("a=2"), "succeeded", {
    a: "applied",
  }],
  ["forgotten, and nothing arrived", [ordered("a")], said({ status: null }), installed("a=1"), "failed", {
    a: "unchanged",
  }],
  ["cancelled in time", [ordered("a")], said({ status: "cancelled" }), installed("a=1"), "cancelled", {
    a: "unchanged",
  }],
  [
    "cancelled too late",
    [ordered("a"), ordered("b")],
    said({ status: "cancelled" }),
    installed("a=2", "b=1"),
    "failed",
    {
      a: "applied",
      b: "unchanged",
    },
  ],
  ["before is not known", [ordered("a", { from_version: null })], said(), installed("a=1"), "failed", { a: "failed" }],
  ["two architectures, both arrived", [ordered("a", { arch: "" })], said(), installed("a=2", "a:i386=2"), "succeeded", {
    a: "applied",
  }],
  ["two architectures, one did not", [ordered("a", { arch: "" })], said(), installed("a=2", "a:i386=1"), "failed", {
    a: "failed",
  }],
  ["only the other architecture has it", [ordered("a")], said(), installed("a=1", "a:i386=2"), "failed", {
    a: "unchanged",
  }],
  [
    "a dependency came along",
    [ordered("a")],
    said({ changes: [upgrade("a"), { name: "d", arch: "amd64", from: null, to: "1", action: "install" }] }),
    installed("a=2", "d=1"),
    "succeeded",
    { a: "applied", d: "applied" },
  ],
  [
    "a dependency is not there, which fails nobody's order",
    [ordered("a")],
    said({ changes: [{ name: "d", from: null, to: "1", action: "install" }] }),
    installed("a=2"),
    "succeeded",
    { a: "applied", d: "failed" },
  ],
  [
    "something was removed",
    [ordered("a")],
    said({ changes: [{ name: "old", arch: "amd64", from: "1", to: null, action: "remove" }] }),
    installed("a=2"),
    "succeeded",
    { a: "applied", old: "applied" },
  ],
  [
    "the host names a change twice",
    [ordered("a")],
    said({ changes: [upgrade("d"), upgrade("d", "3")] }),
    installed("a=2", "d=2"),
    "succeeded",
    {
      a: "applied",
      d: "applied",
    },
  ],
];
for (const [what, patches, report, versions, state, outcomes] of APPLIES) {
  Deno.test(`apply, ${what}: ${state}`, () => {
    const result = judgeApply(patches, report, versions);
    assert.equal(result.state, state, result.message);
    assert.deepEqual(Object.fromEntries(result.patches.map((patch) => [patch.name, patch.outcome])), outcomes);
    for (const patch of result.patches) {
      assert.equal(patch.reason === null, patch.outcome === "applied", `${patch.name}: ${patch.reason}`);
    }
    assert.match(result.message, /^[A-Z0-9].*\.$/s);
  });
}

const DRY_RUNS: [string, JobPatch[], HostReport, string, Record<string, string>][] = [
  ["all would change", [ordered("a")], said({ changes: [upgrade("a")] }), "succeeded", { a: "would_apply" }],
  ["with a dependency", [ordered("a")], said({ changes: [upgrade("a"), upgrade("d")] }), "succeeded", {
    a: "would_apply",
    d: "would_apply",
  }],
  ["nothing would change", [ordered("a")], said(), "failed", { a: "unchanged" }],
  ["another version would come", [ordered("a")], said({ changes: [upgrade("a", "3")] }), "failed", {
    a: "would_apply",
  }],
  ["the host failed", [ordered("a")], said({ status: "failed", error: "broken packages" }), "failed", {
    a: "unchanged",
  }],
  ["cancelled", [ordered("a")], said({ status: "cancelled" }), "cancelled", {}],
];
for (const [what, patches, report, state, outcomes] of DRY_RUNS) {
  Deno.test(`dry run, ${what}: ${state}`, () => {
    const result = judgeDryRun(patches, report);
    assert.equal(result.state, state, result.message);
    assert.deepEqual(Object.fromEntries(result.patches.map((patch) => [patch.name, patch.outcome])), outcomes);
  });
}

Deno.test("a package that would be removed although its upgrade was ordered is shown as such", () => {
  const result = judgeDryRun(
    [ordered("a")],
    said({ changes: [{ name: "a", arch: "amd64", from: "1", to: null, action: "remove" }] }),
  );
  assert.equal(result.state, "failed");
  assert.deepEqual([result.patches[0].action, result.patches[0].reason], ["remove", "would become absent instead"]);
});

Deno.test("a host's words are cut to what is stored, the last line of an error is what is shown", () => {
  const long = "x".repeat(9_000);
  const failed_packages = [{ name: "a", reason: "r".repeat(2_048) }];
  const result = judgeApply(
    [ordered("a")],
    said({ status: "failed", error: `one\n${long}`, failed_packages }),
    installed("a=1"),
  );
  assert.ok(result.message.length <= 4_096);
  assert.ok(result.patches[0].reason!.length <= 2_048);
  const short = judgeApply(
    [ordered("a")],
    said({ status: "failed", error: "Reading…\nE: no space" }),
    installed("a=1"),
  );
  assert.match(short.message, /The host says: E: no space\.$/);
});

Deno.test("absent lists of a public agent are empty lists", () => {
  assert.deepEqual(readHostReport({ job_id: "1", status: "completed" }, "completed"), said());
});

Deno.test("words of a host steer neither terminals nor eyes", () => {
  const report = readHostReport({
    job_id: "j",
    status: "failed",
    error: "E: \u001b[2Jbroken\nsee \u202elog",
    error_code: "BAD\u0007",
    failed_packages: [{ name: "a", reason: "postinst\u009b31m\u2067" }],
  }, "failed");
  assert.equal(report.error, "E:  [2Jbroken\nsee  log");
  assert.equal(report.error_code, "BAD");
  assert.deepEqual(report.failed_packages, [{ name: "a", reason: "postinst 31m", state: null, output: null }]);
  assert.equal(readHostReport({ job_id: "j", status: "failed", error: "\u0007" }, "failed").error, null);
});
