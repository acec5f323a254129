import assert from "node:assert/strict";
import { testFolder } from "../../testing/test_folder.ts";
import { linesOfFile } from "./checkpoint_file.ts";

/** Longer than what is read at once, with every character at every place of a piece's end. */
const LONG = Array.from({ length: 30_000 }, (_, n) => `${n} ${"ä€𝄞".repeat(n % 4)}`);

const files: [string, string, string[]][] = [
  ["an empty file", "", []],
  ["one line that does not end", "a", ["a"]],
  ["lines, an empty one among them", "a\n\nb\n", ["a", "", "b"]],
  ["a line longer than a piece", `${"x".repeat(200_000)}\ny`, ["x".repeat(200_000), "y"]],
  ["characters across the ends of pieces", LONG.join("\n"), LONG],
  ["the same with a last line that ends", LONG.join("\n") + "\n", LONG],
];
for (const [name, text, lines] of files) {
  Deno.test(`lines of a file: ${name}`, async () => {
    await using folder = await testFolder();
    await Deno.writeTextFile(`${folder.path}/file`, text);
    assert.deepEqual(await Array.fromAsync(linesOfFile(`${folder.path}/file`)), lines);
  });
}

Deno.test("lines of a file that is not there: words, and what to do", async () => {
  await using folder = await testFolder();
  const read = () => Array.fromAsync(linesOfFile(`${folder.path}/nowhere`));
  await assert.rejects(read, /nowhere cannot be read \(NotFound\)/);
});
