import assert from "node:assert/strict";
import { connect } from "node:net";
import { createLog } from "../../core/log.ts";
import { ManagerAddresses, readAddressRules } from "./manager_addresses.ts";
import { RefusalLog } from "./refusal_log.ts";
import { startTestAgent } from "./server_fixture_test.ts";

Deno.test("rules that cannot be read are named", () => {
  for (const rule of ["10.1", "all", "0.0.0.0/00", "manager.example", "*", "10.0.0.1/8", "any any", "Manager"]) {
    assert.throws(() => readAddressRules(["10.0.0.0/8", rule]), (error: Error) => error.message.includes(rule), rule);
  }
});

Deno.test("who may connect", async (t) => {
  const enrolled = ["192.0.2.7", "2001:db8::7", "fe80::1%eth0", "not an address", "10.0.0.0/8"];
  const cases: [what: string, allow: string[], yes: string[], no: string[]][] = [
    ["by default the manager only", [], ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"], [
      "127.0.0.1",
      "::1",
      "192.0.2.8",
      "10.1.1.1",
      "",
    ]],
    ["an empty value is the default", [""], ["192.0.2.7"], ["127.0.0.1"]],
    ["said in words", ["manager"], ["192.0.2.7"], ["127.0.0.1"]],
    ["networks instead of it", ["10.0.0.0/8"], ["10.1.1.1"], ["192.0.2.7", "127.0.0.1"]],
    ["networks beside it", [" 10.0.0.0/8, manager ", "fd00::/8"], ["10.1.1.1", "192.0.2.7", "fd12::1"], ["127.0.0.1"]],
    ["every address", ["any"], ["127.0.0.1", "8.8.8.8", "::1"], []],
  ];
  for (const [what, allow, yes, no] of cases) {
    await t.step(what, () => {
      const list = new ManagerAddresses(readAddressRules(allow), enrolled, []);
      for (const address of yes) assert.equal(list.allows(address), true, address);
      for (const address of no) assert.equal(list.allows(address), false, address);
    });
  }
});

Deno.test("a manager that was met at another address is let in from there, at once", () => {
  const met = new Set<string>();
  const list = new ManagerAddresses(readAddressRules([]), ["192.0.2.7"], met);
  assert.equal(list.allows("198.51.100.9"), false);
  met.add("198.51.100.9");
  assert.equal(list.allows("198.51.100.9"), true);
  assert.deepEqual(list.rulesOfNow(), ["192.0.2.7", "198.51.100.9"]);
  const fixed = new ManagerAddresses(readAddressRules(["10.0.0.0/8"]), ["192.0.2.7"], met);
  assert.equal(fixed.allows("198.51.100.9"), false);
});

Deno.test("loopback is refused without a byte unless the manager is there, and the log says how to allow it", async () => {
  const lines: Record<string, unknown>[] = [];
  const met = new Set<string>();
  await using agent = await startTestAgent({
    allowed: new ManagerAddresses(readAddressRules([]), ["192.0.2.7"], met),
    log: createLog({ write: (line) => lines.push(JSON.parse(line)) }),
  });
  for (let i = 0; i < 20; i++) {
    const bytes = await new Promise<number>((resolve) => {
      let count = 0;
      const socket = connect(agent.server.port, "127.0.0.1", () => socket.write("x"));
      socket.on("data", (chunk) => count += chunk.length);
      socket.on("error", () => {});
      socket.on("close", () => resolve(count));
    });
    assert.equal(bytes, 0);
  }
  const refused = lines.filter((line) => line.event === "peer.refused");
  assert.equal(refused.length, 1, "said once, not twenty times");
  assert.equal(refused[0].error_code, "address_not_allowed");
  assert.equal(refused[0].address, "127.0.0.1");
  assert.match(String(refused[0].message), /--allow/);
  met.add("127.0.0.1");
  assert.equal((await agent.client.call("GET", "/health")).status, 200);
});

Deno.test("refusals are said again after a minute with their count, and never fill the log", () => {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const log = new RefusalLog(createLog({ write: (line) => lines.push(JSON.parse(line)) }), () => now);
  for (let i = 0; i < 1_000; i++) log.say("expired", "192.0.2.1");
  now = 61_000;
  log.say("expired", "192.0.2.1");
  assert.deepEqual(lines.map((line) => line.count), [1, 1_000]);
  log.say("revoked", "192.0.2.1");
  log.say("expired", undefined);
  assert.equal(lines.length, 4, "another reason and another address are others");
  now = 200_000;
  lines.length = 0;
  for (let i = 0; i < 10_000; i++) log.say("handshake_failed", `2001:db8::${i.toString(16)}`);
  assert.equal(lines.length, 60, "however many addresses");
  now = 270_000;
  log.say("handshake_failed", "192.0.2.1");
  assert.equal(lines.length, 61);
});
