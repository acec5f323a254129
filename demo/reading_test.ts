import assert from "node:assert/strict";
import { namesFolder } from "./child.ts";
import { isComplaint } from "./follow_log.ts";
import { stateWords } from "./once_job.ts";
import { readSecurityVersion, readUpgradable } from "./sandbox_inspection.ts";
import { table } from "./words.ts";

Deno.test("apt's list of pending updates", () => {
  const line = "gannet-mail/lab-security,lab 1:2.3.19+dfsg1-1 all [upgradable from: 1:2.3.19~rc1+dfsg1-2]";
  assert.deepEqual(readUpgradable(line), [{ name: "gannet-mail", version: "1:2.3.19+dfsg1-1" }]);
  for (
    const other of [
      "Listing...",
      "",
      "WARNING: apt does not have a stable CLI interface.",
      "curlew/lab 7 all [installed]",
    ]
  ) {
    assert.deepEqual(readUpgradable(other), []);
  }
});

Deno.test("apt's table of versions: those from a security source", () => {
  const row = (suite: string) => `corvid-httpd |   2.4.59-1 | file:/srv/repository ${suite}/main all Packages`;
  assert.deepEqual(readSecurityVersion(row("lab-security")), [{ name: "corvid-httpd", version: "2.4.59-1" }]);
  for (const other of [row("lab-updates"), row("lab"), row("security-lab"), ""]) {
    assert.deepEqual(readSecurityVersion(other), []);
  }
});

const commands: [words: string, is_ours: boolean][] = [
  ["deno run --allow-read=/var/tmp/demo,/etc main.ts", true],
  ["postgres -D /var/tmp/demo/data-17", true],
  ["deno run demo/main.ts --state /var/tmp/demo", true],
  ["postgres -D /var/tmp/demo-2/data-17", false],
  ["deno run main.ts --state /var/tmp/demo-2", false],
  ["", false],
];

Deno.test("a process is ours only when it names our folder, not one with a longer name", () => {
  for (const [words, is_ours] of commands) assert.equal(namesFolder(words, "/var/tmp/demo"), is_ours, words);
});

Deno.test("of a log only complaints are news, and what no log wrote", () => {
  for (const line of ["10:00:00 warn  live.read_failed x", "10:00:00 error loop.failed x", "panicked at main.rs"]) {
    assert.ok(isComplaint(line), line);
  }
  for (const line of ["10:00:00 info  http.request (…)", "10:00:00 debug agent.failed", "", "  "]) {
    assert.ok(!isComplaint(line), line);
  }
});

const host = { state: "running", phase: null, progress: 0, message: "", error: null, ended_at: null } as const;
const lines: [Parameters<typeof stateWords>[0], string][] = [
  [{ ...host, state: "queued", phase: "queued" }, "queued"],
  [{ ...host, phase: "download", message: "Downloading a" }, "running, download  Downloading a"],
  [
    { ...host, phase: "install", progress: 40, message: "Installing a\nInstalling b" },
    "running, install  40 %  Installing a",
  ],
  [{ ...host, state: "succeeded", progress: 100, message: "1 of 1.", ended_at: "x" }, "succeeded  1 of 1."],
  [{ ...host, state: "failed", error: "It broke.", ended_at: "x" }, "failed  It broke."],
];

Deno.test("one line about a host of a job", () => {
  for (const [line, expected] of lines) {
    // deno-lint-ignore no-control-regex -- colours, where a person runs the tests
    assert.equal(stateWords(line).replace(/\u001b\[\d+m/g, ""), expected);
  }
});

Deno.test("a table's columns are as wide as their widest cell, without blanks at the end", () => {
  // deno-lint-ignore no-control-regex -- as above
  const plain = table(["a", "long head"], [["wider", "x"], ["y", ""]]).replace(/\u001b\[\d+m/g, "");
  assert.equal(plain, "  a      long head\n  wider  x\n  y");
});
