import assert from "node:assert/strict";
import { DemoUsage, readOptions, USAGE } from "./options.ts";

const refused: [args: string[], words: RegExp][] = [
  [["--port", "0"], /--port has to be a whole number from 1 to 65535, not "0"/],
  [["--port", "65536"], /from 1 to 65535/],
  [["--port", "8443.5"], /whole number/],
  [["--port", "0x10"], /whole number/],
  [["--port", "99999999999999"], /whole number/],
  [["--port"], /--port/],
  [["--hosts", "2501"], /--hosts has to be a whole number from 0 to 2500/],
  [["--hosts=-1"], /--hosts/],
  [["--seed", "2147483648"], /--seed/],
  [["--seed", "one"], /--seed/],
  [["--state", ""], /--state has to be a folder of letters/],
  [["--state", "/var/tmp/a,b"], /--state has to be/],
  [["--state", "/var/tmp/a b"], /--state has to be/],
  [["--state", '/var/tmp/a"b'], /--state has to be/],
  [["--state", "/var/tmp/a\n"], /--state has to be/],
  [["--state", "/"], /--state has to be/],
  [["--state", "/" + "a".repeat(74)], /--state may have 74 characters, \S+ has 75\. Take a shorter path\./],
  [["--reset=yes"], /--reset/],
  [["--onc"], /--onc/],
  [["now"], /now/],
];

for (const [args, words] of refused) {
  Deno.test(`refused: ${JSON.stringify(args.join(" ")).slice(0, 60)}`, () => {
    assert.throws(() => readOptions(args), (thrown: unknown) => {
      assert.ok(thrown instanceof DemoUsage);
      assert.match(thrown.message, words);
      assert.ok(!thrown.message.includes("\n"));
      return true;
    });
  });
}

Deno.test("nothing said is the demo of the README; --once takes few simulated hosts", () => {
  assert.deepEqual(readOptions([]), { port: null, state: null, hosts: 25, seed: 1, reset: false, once: false });
  assert.deepEqual(readOptions(["--once"]), { port: null, state: null, hosts: 3, seed: 1, reset: false, once: true });
});

Deno.test("everything said is taken, folders as absolute paths", () => {
  const args = ["--port", "9", "--state=/var/tmp/x/../y//", "--hosts", "0", "--seed", "7", "--reset", "--once"];
  assert.deepEqual(readOptions(args), { port: 9, state: "/var/tmp/y", hosts: 0, seed: 7, reset: true, once: true });
  const relative = readOptions(["--state", "kept"]);
  assert.ok(relative !== "help" && relative.state === `${Deno.cwd()}/kept`);
});

Deno.test("the help names every option", () => {
  assert.equal(readOptions(["--help", "--port", "9"]), "help");
  for (const name of ["port", "state", "hosts", "seed", "reset", "once", "help"]) {
    assert.ok(USAGE.includes(`--${name} `));
  }
});
