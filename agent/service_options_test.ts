import assert from "node:assert/strict";
import { testFolder } from "../testing/test_folder.ts";
import { parseCommand, UsageError } from "./command_line.ts";
import { readEnvironmentFile, withServiceOptions } from "./service_options.ts";

const cases: [what: string, file: string | null, args: string[], listen: string, allow: string[]][] = [
  ["no file", null, [], "0.0.0.0:12443", ["manager"]],
  ["a file that says nothing", "# LISTEN=1.2.3.4:5\n; ALLOW=any\n", [], "0.0.0.0:12443", ["manager"]],
  ["another port", "LISTEN=[::]:22443\n", [], "[::]:22443", ["manager"]],
  ["quotes and blanks", '  ALLOW="manager,192.0.2.10/32" \r\n', [], "0.0.0.0:12443", ["manager,192.0.2.10/32"]],
  ["the last line counts", "ALLOW=any\nALLOW='manager'\n", [], "0.0.0.0:12443", ["manager"]],
  [
    "the command line wins",
    "LISTEN=nonsense\nALLOW=nonsense\n",
    ["--listen", "127.0.0.1:1", "--allow", "any"],
    "127.0.0.1:1",
    ["any"],
  ],
];

Deno.test("doctor looks at what the service runs with", async (t) => {
  await using folder = await testFolder("service-");
  for (const [what, text, args, listen, allow] of cases) {
    await t.step(what, async () => {
      const file = `${folder.path}/${what.replaceAll(" ", "-")}`;
      if (text !== null) await Deno.writeTextFile(file, text);
      const all = await withServiceOptions(parseCommand("doctor", args), file);
      assert.deepEqual([all.text("listen"), all.many("allow")], [listen, allow]);
      assert.equal(all.path("state"), "/var/lib/patch-agent", "the others stay");
    });
  }
});

Deno.test("a bad value is named with its file", async () => {
  await using folder = await testFolder("service-");
  const file = `${folder.path}/agent.env`;
  for (
    const [text, says] of [
      ["LISTEN=12443\n", /^LISTEN in .*agent\.env has to be ADDRESS:PORT/],
      ["ALLOW=10.0.0.1/8\n", /^ALLOW in .*agent\.env: .*10\.0\.0\.1/],
    ] as const
  ) {
    await Deno.writeTextFile(file, text);
    await assert.rejects(
      withServiceOptions(parseCommand("doctor", []), file),
      (error: Error) => error instanceof UsageError && says.test(error.message),
    );
  }
  const read = withServiceOptions(parseCommand("doctor", []), folder.path);
  await assert.rejects(read, (error: Error) => error instanceof UsageError && /cannot be read/.test(error.message));
});

Deno.test("lines that are no variables are passed over", () => {
  assert.deepEqual(readEnvironmentFile("export A=1\n=2\nB\nC=a=b\nD=\n"), { C: "a=b", D: "" });
});
