import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { driverTypes, readArray, readInstant, readInt8 } from "./values.ts";

Deno.test("what would be lost is refused on reading", () => {
  for (const text of ["9007199254740992", "-9007199254740993", "9223372036854775807"]) {
    assert.throws(() => readInt8(text), /does not fit into a number/, text);
  }
  for (const text of ["infinity", "-infinity", "2026-11-20", "0044-03-15 12:00:00+00 BC", "2026-11-20 10:00:00"]) {
    assert.throws(() => readInstant(text), /is not an instant/, text);
  }
  for (const text of ["{1,2", '{"a', "{{1}", ""]) assert.throws(() => readArray(text, Number), /no end/, text);
});

Deno.test("what has no meaning is refused on writing", () => {
  const types = driverTypes();
  for (
    const [name, value] of [
      ["int8_value", 2 ** 53],
      ["int8_value", 1.5],
      ["int4_value", NaN],
      ["instant_value", 1_700_000_000_000],
      ["instant_value", {}],
      ["date_value", new Date(0)],
      ["text_array", ["a", undefined]],
      ["text_array", { length: 1 }],
    ] as [string, unknown][]
  ) {
    assert.throws(() => types[name].serialize(value), (error) => error instanceof Error, `${name} ${String(value)}`);
  }
});

Deno.test("array literals are read as PostgreSQL writes them", () => {
  const text = (value: string) => value;
  for (
    const [literal, expected] of [
      ["{}", []],
      ["{NULL}", [null]],
      ['{NULL,"NULL",null}', [null, "NULL", "null"]],
      ['{"",a}', ["", "a"]],
      ['{"a\\"b","c\\\\d","{x,y}"}', ['a"b', "c\\d", "{x,y}"]],
      ["{{a,b},{c,NULL}}", [["a", "b"], ["c", null]]],
      ["[0:1]={a,b}", ["a", "b"]],
      ["{{{a}}}", [[["a"]]]],
    ] as [string, unknown[]][]
  ) {
    assert.deepEqual(readArray(literal, text), expected, literal);
  }
});

Deno.test("values come back from the server as they were sent", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const instant = Temporal.Instant.from("2026-11-20T10:00:00.123456Z");
  const strings = [null, "NULL", "", 'a"b\\', "x,y", "{z}", "ä\n", " "];
  for (
    const [what, query, expected] of [
      ["null in a text array", sql`select ${strings}::text[] as v`, strings],
      ["null first", sql`select ${sql.array([null, "a"])}::text[] as v`, [null, "a"]],
      ["booleans", sql`select ${sql.array([true, false, null])}::boolean[] as v`, [true, false, null]],
      ["empty", sql`select ${sql.array([])}::uuid[] as v`, []],
      ["integers", sql`select ${[1, -2, null]}::int[] as v`, [1, -2, null]],
      ["large integers", sql`select ${[2 ** 53 - 1]}::int8[] as v`, [2 ** 53 - 1]],
      ["int8", sql`select ${42}::int8 as v`, 42],
      ["count", sql`select count(*) as v from generate_series(1, 3)`, 3],
      ["numeric stays text", sql`select 1.10::numeric as v`, "1.10"],
      ["date", sql`select ${"2026-02-28"}::date as v`, "2026-02-28"],
      ["plain date", sql`select ${String(Temporal.PlainDate.from("2026-02-28"))}::date as v`, "2026-02-28"],
      ["json array in jsonb array", sql`select ${sql.array([[1], { a: "b" }], 3807)}::jsonb[] as v`, [[1], { a: "b" }]],
      ["json", sql`select ${sql.json({ a: [null, 'x"y'] })}::jsonb as v`, { a: [null, 'x"y'] }],
      ["address", sql`select ${"192.0.2.7"}::inet as v`, "192.0.2.7"],
      ["bytes", sql`select ${new Uint8Array([0, 255, 92])}::bytea as v`, new Uint8Array([0, 255, 92])],
    ] as [string, PromiseLike<{ v: unknown }[]>, unknown][]
  ) {
    const [{ v }] = await query;
    assert.deepEqual(v, expected, what);
  }
  const [row] = await sql`
    select ${instant}::timestamptz as one, ${[instant, null]}::timestamptz[] as several, ${instant}::timestamptz =
      '2026-11-20T10:00:00.123456Z'::timestamptz as same, '12026-01-01 00:00+00'::timestamptz as far`;
  assert.ok(row.one instanceof Temporal.Instant);
  assert.equal(row.one.equals(instant), true);
  assert.equal(row.several[0].equals(instant), true);
  assert.equal(row.several[1], null);
  assert.equal(row.same, true);
  assert.equal(row.far.toString(), "+012026-01-01T00:00:00Z");
});

Deno.test("finer digits than microseconds are cut off, never rounded into the future", async () => {
  await using database = await testDatabase();
  const instant = Temporal.Instant.from("2026-11-20T10:00:00.123456999Z");
  const [{ v }] = await database.sql`select ${instant}::timestamptz as v`;
  assert.equal(String(v), "2026-11-20T10:00:00.123456Z");
});

Deno.test("an integer too large fails its query and leaves the connection usable", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await assert.rejects(() => sql`select 9007199254740993 as v from generate_series(1, 3)`, /does not fit/);
  await assert.rejects(() => sql`select ${9}::int8 + 9007199254740993 as v`, /does not fit/);
  assert.deepEqual([...await sql`select 1 as v from generate_series(1, 2)`], [{ v: 1 }, { v: 1 }]);
});
