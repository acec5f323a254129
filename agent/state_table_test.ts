import assert from "node:assert/strict";

const text = await Deno.readTextFile(new URL("../docs/agent.md", import.meta.url));
const rowsOf = (part: string) =>
  part.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:condition|-+) /.test(line));
const rows = rowsOf(text);

/** The tests that a row names: file and words. */
const namedIn = (row: string) =>
  [...row.slice(2, -2).split(" | ").at(-1)!.matchAll(/`([a-z_/]+_test\.ts)`: "([^"]+)"/g)].map(([, file, words]) => ({
    file,
    words,
  }));

Deno.test("every row of the state table names tests that exist", async () => {
  assert.ok(rows.length > 50, String(rows.length));
  for (const row of rows) {
    const [condition, ...rest] = row.slice(2, -2).split(" | ").map((cell) => cell.trim());
    assert.equal(rest.length, 4, row);
    const named = namedIn(row);
    assert.ok(named.length > 0, `no test: ${condition}`);
    for (const { file, words } of named) {
      const source = await Deno.readTextFile(new URL(file, import.meta.url));
      assert.ok(source.includes(words), `${file} has no test named ${words}`);
    }
  }
});

Deno.test("every row about the host names a test on the rootless bed", async () => {
  const [host, network] = text.split("\n## Network\n");
  assert.ok(rowsOf(network).length > 3, "connections need no apt and no dpkg");
  for (const row of rowsOf(host)) {
    const places = await Promise.all(
      namedIn(row).map(async ({ file, words }) => {
        const source = await Deno.readTextFile(new URL(file, import.meta.url));
        const bed = /from "[^"]*\/(?:sandbox|gated_mirror|small_disk)_fixture_test\.ts"/.test(source);
        // A plain test beside those of the bed does not count.
        const plain = source.split("\n").some((line) => line.includes(words) && /^\s*Deno\.test\(/.test(line));
        return bed && !plain;
      }),
    );
    assert.ok(places.includes(true), `nothing on the bed: ${row.slice(2).split(" | ")[0]}`);
  }
});

Deno.test("no condition of the table stands there twice", () => {
  const conditions = rows.map((row) => row.slice(2).split(" | ")[0]);
  assert.equal(new Set(conditions).size, conditions.length);
});
