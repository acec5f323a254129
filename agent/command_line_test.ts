import assert from "node:assert/strict";
import { parseCommand, usage, UsageError } from "./command_line.ts";

const manager = ["--manager", "https://m.example:8443", "--ca-fingerprint", "ab".repeat(32)];

Deno.test("what is wrong on the command line is named", async (t) => {
  const cases: [string, () => unknown, RegExp][] = [
    ["unknown option", () => parseCommand("serve", ["--colour"]), /--colour/],
    ["stray word", () => parseCommand("serve", ["now"]), /now/],
    ["missing option", () => parseCommand("enrol", ["--address", "10.0.0.1"]), /--manager is missing/],
    ["relative root", () => parseCommand("list", ["--root", "chroot"]).path("root"), /absolute path/],
    ["a rule that is none", () => parseCommand("serve", ["--allow", "all"]).addresses("allow"), /--allow: "all".*any/],
    ["a rule of doctor", () => parseCommand("doctor", ["--allow", "10.0.0.1/8"]).addresses("allow"), /10\.0\.0\.1/],
    ["relative path", () => parseCommand("serve", ["--state", "here"]).path("state"), /absolute path/],
    ["no port", () => parseCommand("serve", ["--listen", "127.0.0.1"]).endpoint("listen"), /ADDRESS:PORT/],
    ["name instead of address", () => parseCommand("serve", ["--listen", "host:1"]).endpoint("listen"), /ADDRESS:PORT/],
    ["port too high", () => parseCommand("serve", ["--listen", "127.0.0.1:65536"]).endpoint("listen"), /ADDRESS:PORT/],
    [
      "no number",
      () => parseCommand("simulate", [...manager, "--state", "/s", "--hosts", "many"]).number("hosts", 1, 10_000),
      /1 to 10000/,
    ],
    [
      "too many",
      () => parseCommand("simulate", [...manager, "--state", "/s", "--hosts", "10001"]).number("hosts", 1, 10_000),
      /10000/,
    ],
  ];
  for (const [what, call, says] of cases) {
    await t.step(
      what,
      () => assert.throws(call, (error: Error) => error instanceof UsageError && says.test(error.message)),
    );
  }
});

Deno.test("a token is never repeated in an error", () => {
  for (const args of [["--token", "secret-token-1", "extra"], ["--token=secret-token-1", "--nope"]]) {
    assert.throws(() => parseCommand("enrol", args), (error: Error) => !error.message.includes("secret-token-1"));
  }
});

Deno.test("defaults, repetition, addresses of version 6", () => {
  const args = parseCommand("serve", ["--allow", "10.0.0.0/8", "--allow", "fd00::/8", "--listen", "[::]:12443"]);
  assert.deepEqual(args.many("allow"), ["10.0.0.0/8", "fd00::/8"]);
  assert.deepEqual(args.endpoint("listen"), { hostname: "::", port: 12443 });
  assert.equal(args.path("state"), "/var/lib/patch-agent");
  assert.equal(args.on("simulated"), false);
  assert.equal(args.path("executor"), "/run/patch-agent/executor.sock");
  assert.deepEqual(args.addresses("allow"), { any: false, manager: false, networks: ["10.0.0.0/8", "fd00::/8"] });
  const bare = parseCommand("serve", ["--allow="]);
  assert.deepEqual(bare.addresses("allow"), { any: false, manager: true, networks: [] }, "the manager only");
  assert.equal(parseCommand("list", []).optional("root"), null);
  assert.match(usage(), /--ca-fingerprint HEX/);
});
