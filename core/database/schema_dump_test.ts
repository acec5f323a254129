import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { dumpSchema } from "./schema_dump.ts";

const SNAPSHOT = new URL("../../migrations/schema.sql", import.meta.url);

Deno.test("every kind of change shows in the dump", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const before = await dumpSchema(sql);
  for (
    const [change, expected] of [
      [
        'create table zz (a int not null default 7, b text collate "C")',
        /create table zz \(\n\s+a integer default 7 not null,\n\s+b text collate "C"\n\);/,
      ],
      ["alter table zz add constraint zz_a check (a > 0)", /add constraint zz_a CHECK \(\(a > 0\)\)/],
      ["create index zz_b on zz (b)", /CREATE INDEX zz_b ON public\.zz/],
      ["create type zz_kind as enum ('b', 'a')", /create type zz_kind as enum \('b', 'a'\)/],
      ["create view zz_view as select a from zz", /create view zz_view as\n/],
      ["create sequence zz_seq", /create sequence zz_seq as bigint/],
      ["grant select (a) on zz to patch_fleet", /grant select on table zz \(a\) to patch_fleet/],
      ["grant delete on zz to patch_web with grant option", /grant delete on table zz to patch_web with grant option/],
      ["create function zz_f() returns int language sql as 'select 1'", /FUNCTION public\.zz_f\(\)/],
      ["alter function zz_f() security definer", /zz_f\(\)\n RETURNS integer\n LANGUAGE sql\n SECURITY DEFINER/],
      ["revoke execute on function zz_f() from public", /^(?![\s\S]*grant execute on function zz_f\(\) to public)/],
      [
        "create function zz_t() returns trigger language plpgsql as 'begin return new; end'",
        /zz_t\(\)\n RETURNS trigger/,
      ],
      ["create trigger zz_g before insert on zz for each row execute function zz_t()", /CREATE TRIGGER zz_g/],
      ["alter table zz enable row level security", /-- row level security/],
      [
        "create policy zz_p on zz for select to patch_web using (a > 1)",
        /create policy zz_p on zz as permissive for select to patch_web using/,
      ],
      ["alter table zz set (fillfactor = 70)", /with \(fillfactor=70\)/],
    ] as [string, RegExp][]
  ) {
    const previous = await dumpSchema(sql);
    await sql.unsafe(change);
    const now = await dumpSchema(sql);
    assert.notEqual(now, previous, change);
    assert.match(now, expected, change);
  }
  await sql`drop view zz_view`;
  await sql`drop table zz`;
  await sql`drop function zz_f, zz_t`;
  await sql`drop type zz_kind`;
  await sql`drop sequence zz_seq`;
  assert.equal(await dumpSchema(sql), before, "the same schema gives the same text");
});

Deno.test("migrations/schema.sql is what the migrations make", async () => {
  await using database = await testDatabase();
  assert.equal(
    await dumpSchema(database.sql),
    await Deno.readTextFile(SNAPSHOT),
    "run deno run -A scripts/schema.ts --write",
  );
});
