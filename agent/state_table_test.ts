import assert from "node:assert/strict";

const rows = (await Deno.readTextFile(new URL("../docs/agent.md", import.meta.url))).split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (?:condition|-+) /.test(line));

Deno.test("every row of the state table names tests that exist", async () => {
  assert.ok(rows.length > 50, String(rows.length));
  for (const row of rows) {
    const [condition, ...rest] = row.slice(2, -2).split(" | ").map((cell) => cell.trim());
    assert.equal(rest.length, 4, row);
    const named = [...rest[3].matchAll(/`([a-z_/]+_test\.ts)`: "([^"]+)"/g)];
    assert.ok(named.length > 0, `no test: ${condition}`);
    for (const [, file, words] of named) {
      const source = await Deno.readTextFile(new URL(file, import.meta.url));
      assert.ok(source.includes(words), `${file} has no test named ${words}`);
    }
  }
});

Deno.test("no condition of the table stands there twice", () => {
  const conditions = rows.map((row) => row.slice(2).split(" | ")[0]);
  assert.equal(new Set(conditions).size, conditions.length);
});
