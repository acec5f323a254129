import assert from "node:assert/strict";
import { type HostStanding, judgeReboot, judgeRepair, judgeRestart } from "./judge_host.ts";
import { type HostReport, InstalledVersions, noReport, type RunResult } from "./results.ts";
import type { RebootRule } from "./types.ts";

const well: HostStanding = {
  package_state: "ok",
  boot_id_before: "a",
  boot_id_now: "a",
  up_since_begin: null,
  reboot_due: false,
};
const said = (change: Partial<HostReport> = {}): HostReport => ({ ...noReport, status: "completed", ...change });
const installed = new InstalledVersions([{ name: "bash", arch: "amd64", version: "2" }]);
const bash = { name: "bash", arch: "amd64", from: "1", to: "2", action: "upgrade" as const };
const failure = { status: "failed" as const, error: "E: dpkg", error_code: "PKG_MANAGER_ERROR" };

const REPAIRS: [string, Partial<HostReport>, Partial<HostStanding>, string, RegExp][] = [
  ["still interrupted although it claims success", {}, { package_state: "interrupted" }, "failed", /still interrupted/],
  ["still broken, with the host's words", failure, { package_state: "broken" }, "failed", /still broken.*E: dpkg\.$/],
  ["locked by another program", {}, { package_state: "locked" }, "failed", /still locked/],
  ["an agent that says nothing of its package manager", {}, { package_state: null }, "failed", /does not say/],
  ["well, but the host reports a failure", failure, {}, "failed", /in order, but.*E: dpkg/],
  ["a package that is not as reported", { changes: [{ ...bash, to: "3" }] }, {}, "failed", /in order, but/],
  ["a package that failed", { failed_packages: [{ name: "bash", reason: "script" }] }, {}, "failed", /in order, but/],
  ["cancelled", { status: "cancelled" }, { package_state: "interrupted" }, "cancelled", /cancelled/],
  ["in order", { changes: [bash] }, {}, "succeeded", /in order again/],
  ["in order, the run forgotten", { status: null }, {}, "succeeded", /in order again/],
];
for (const [what, report, standing, state, words] of REPAIRS) {
  Deno.test(`a repair, ${what}: ${state}`, () => {
    const result = judgeRepair(said(report), { ...well, ...standing }, installed);
    assert.equal(result.state, state);
    assert.match(result.message, words);
  });
}

Deno.test("a repair keeps what each package came to, with its script's last lines", () => {
  const failed = { name: "bash", reason: "its script failed", state: "half-configured", output: "exit 1" };
  const other = { name: "zsh", reason: "never unpacked" };
  const { patches } = judgeRepair(
    said({ ...failure, changes: [bash], failed_packages: [failed, other] }),
    { ...well, package_state: "broken" },
    installed,
  );
  assert.deepEqual(
    patches.map(({ name, outcome, reason, package_state, output }) => [name, outcome, reason, package_state, output]),
    [
      ["bash", "failed", "its script failed", "half-configured", "exit 1"],
      ["zsh", "failed", "never unpacked", null, null],
    ],
  );
});

const REBOOTS: [string, Partial<HostReport>, Partial<HostStanding>, string, RegExp][] = [
  ["the same boot although it claims success", {}, {}, "failed", /has not restarted/],
  ["the same boot, with its reason", failure, {}, "failed", /has not restarted\. The host says: E: dpkg/],
  ["cancelled", { status: "cancelled" }, {}, "cancelled", /cancelled/],
  ["an agent that names no boot", {}, { boot_id_now: null }, "unknown", /does not say when/],
  ["an agent that named none before", {}, { boot_id_before: null }, "unknown", /does not say when/],
  ["no boot, and a failure", failure, { boot_id_now: null }, "failed", /has not restarted/],
  ["no boot named, up for longer than the run", {}, { boot_id_now: null, up_since_begin: false }, "failed", /has not/],
  ["no boot named, up for less", {}, { boot_id_now: null, up_since_begin: true }, "succeeded", /restarted/],
  ["another boot", {}, { boot_id_now: "b" }, "succeeded", /restarted and answers/],
  ["another boot, the job forgotten", { status: null }, { boot_id_now: "b" }, "succeeded", /restarted/],
];
for (const [what, report, standing, state, words] of REBOOTS) {
  Deno.test(`a restart, ${what}: ${state}`, () => {
    const result = judgeReboot(said(report), { ...well, ...standing });
    assert.equal(result.state, state);
    assert.match(result.message, words);
  });
}

const good: RunResult = { state: "succeeded", message: "All there.", error: null, error_code: null, patches: [] };
const RESTARTS: [RebootRule, Partial<HostStanding>, string, RegExp][] = [
  ["always", {}, "failed", /But the host has not restarted/],
  ["always", { boot_id_now: null }, "failed", /does not say whether/],
  ["needed", { reboot_due: true }, "failed", /But the host has not restarted/],
  ["needed", {}, "succeeded", /No restart was needed/],
  ["needed", { boot_id_now: "b" }, "succeeded", /The host has restarted/],
  ["always", { boot_id_now: "b", reboot_due: true }, "succeeded", /The host has restarted/],
  ["never", { reboot_due: true }, "succeeded", /^All there\.$/],
];
for (const [rule, standing, state, words] of RESTARTS) {
  Deno.test(`an order with restart ${rule} and ${JSON.stringify(standing)} has ${state}`, () => {
    const result = judgeRestart(good, rule, { ...well, ...standing });
    assert.equal(result.state, state);
    assert.match(result.message, words);
  });
}

Deno.test("a failed order stays failed whatever the restart did", () => {
  const failed: RunResult = { ...good, state: "failed", message: "No." };
  assert.equal(judgeRestart(failed, "always", { ...well, boot_id_now: "b" }), failed);
});
