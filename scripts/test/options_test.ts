import assert from "node:assert/strict";
import { type Options, readOptions, splitPaths, STEPS } from "./options.ts";

Deno.test("what is not understood is refused in words", () => {
  for (
    const [args, words] of [
      [["--fast"], /--fast is not an option/],
      [["core/"], /core\/ is not an option/],
      [["--only"], /--only takes one of format/],
      [["--only", "typos"], /--only takes one of/],
      [["--only", "unit", "--only"], /--only takes/],
      [["--"], /a file or folder is expected/],
      [["--", "--allow-all"], /--allow-all after -- is not/],
    ] as [string[], RegExp][]
  ) {
    const read = readOptions(args);
    assert.equal(typeof read, "string", args.join(" "));
    assert.match(read as string, words);
  }
});

Deno.test("steps keep their order, paths mean the test steps", () => {
  for (
    const [args, expected] of [
      [[], { steps: [...STEPS], paths: [] }],
      [["--only", "lint"], { steps: ["lint"], paths: [] }],
      [["--only", "unit", "--only", "format"], { steps: ["format", "unit"], paths: [] }],
      [["--", "core/jobs"], { steps: ["unit", "tests", "alone"], paths: ["core/jobs"] }],
      [["--only", "unit", "--", "./core/", "web"], { steps: ["unit"], paths: ["core", "web"] }],
    ] as [string[], Options][]
  ) {
    assert.deepEqual(readOptions(args), expected);
  }
});

Deno.test("paths below tests/ run with all permissions, the others do not", () => {
  const paths = ["tests", "tests/a_test.ts", "tests/alone/a_test.ts", "tests/alone_test.ts", "scripts/a_test.ts"];
  assert.deepEqual(splitPaths([...paths, "testing", "core/tests_x"]), {
    unit: ["testing", "core/tests_x"],
    tests: ["tests", "tests/a_test.ts", "tests/alone_test.ts", "scripts/a_test.ts"],
    alone: ["tests/alone/a_test.ts"],
  });
});
