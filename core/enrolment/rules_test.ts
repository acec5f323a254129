import assert from "node:assert/strict";
import type { ExistingHost } from "../hosts/types.ts";
import { cloneHash, enrolmentCommand, judgeMachine, machineHash, rateExceeded } from "./rules.ts";

const hash = "a".repeat(64);
const machine = { machine_hash: hash, fqdn: "web1.example", address: "10.0.0.1", port: 12443 };
const host = (fields: Partial<ExistingHost> = {}): ExistingHost => ({
  id: "00000000-0000-7000-8000-000000000001",
  display_name: "",
  ...machine,
  ...fields,
});

Deno.test("a machine compared with what is there", () => {
  const other = "b".repeat(64);
  const table: [string, ExistingHost[], string][] = [
    ["nothing", [], "new"],
    ["itself", [host()], "known"],
    ["itself under a new name", [host({ fqdn: "old.example" })], "known"],
    ["itself at a new address", [host({ address: "10.0.0.2" })], "known"],
    ["a copy of it elsewhere", [host({ fqdn: "x.example", address: "10.0.0.2" })], "clone"],
    ["a copy on another port", [host({ fqdn: "x.example", port: 1 })], "clone"],
    ["another machine at its address", [host({ fqdn: "x.example", machine_hash: other })], "taken"],
    ["another machine with its name", [host({ address: "10.0.0.2", machine_hash: other })], "taken"],
    ["registered by hand", [host({ machine_hash: null })], "taken"],
    ["a copy at somebody else's address", [
      host({ fqdn: "x.example", address: "10.0.0.2" }),
      host({ fqdn: "y.example", machine_hash: other }),
    ], "taken"],
    ["names differ in capitals", [host({ fqdn: "WEB1.example", machine_hash: other, address: "10.0.0.3" })], "taken"],
  ];
  for (const [words, existing, kind] of table) assert.equal(judgeMachine(machine, existing).kind, kind, words);
});

Deno.test("a machine's own id is never kept", () => {
  assert.equal(machineHash(hash.toUpperCase()), hash);
  const id = "0123456789abcdef0123456789abcdef";
  assert.match(machineHash(id), /^[0-9a-f]{64}$/);
  assert.ok(!machineHash(id).includes(id));
  assert.equal(machineHash(` ${id.toUpperCase()}\n`), machineHash(id));
  assert.notEqual(machineHash(id), machineHash(id.replace("0", "1")));
});

Deno.test("copies have names of their own, by their place", () => {
  const copy = { ...machine, address: "10.0.0.9" };
  assert.equal(cloneHash(copy), cloneHash({ ...copy }));
  assert.notEqual(cloneHash(copy), cloneHash(machine));
  assert.notEqual(cloneHash(copy), hash);
});

Deno.test("five a minute are let in, the sixth is not", () => {
  assert.deepEqual([0, 4, 5, 6].map((recent) => rateExceeded(recent, 5)), [false, false, true, true]);
});

Deno.test("the one command that is printed", () => {
  const print = "AB:".repeat(31) + "AB";
  const token = "-" + "x".repeat(42);
  assert.equal(
    enrolmentCommand("https://manager.example:8443/hosts?x=1", print, token),
    `patch-agent enrol --manager=https://manager.example:8443 --ca-fingerprint=${"ab".repeat(32)} --token=${token}`,
  );
  assert.equal(
    enrolmentCommand("https://[2001:db8::1]:8443", print, null),
    `patch-agent enrol --manager='https://[2001:db8::1]:8443' --ca-fingerprint=${"ab".repeat(32)}`,
  );
  const bad: [string, string, string | null][] = [
    ["http://manager.example", print, token],
    ["javascript:alert(1)", print, token],
    ["https://manager.example", "ab", token],
    ["https://manager.example", print + ";id", token],
    ["https://manager.example", print, "a b"],
    ["https://manager.example", print, "$(id)" + "x".repeat(38)],
    ["https://manager.example", print, ""],
  ];
  for (const [url, fingerprint, secret] of bad) {
    assert.throws(() => enrolmentCommand(url, fingerprint, secret), RangeError, `${url} ${secret}`);
  }
});
