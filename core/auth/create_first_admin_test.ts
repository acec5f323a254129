import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addUser } from "../../testing/job_scenario.ts";
import { connect } from "../database/connection.ts";
import { createFirstAdmin } from "./create_first_admin.ts";

const users = async ({ sql }: TestDatabase) => (await sql`select count(*)::int as n from users`)[0].n;

Deno.test("a password that could not be shown leaves no admin that nobody can use, and the first start stays open", async () => {
  await using database = await testDatabase();
  const failing = () => {
    throw new Error("the disk is full");
  };
  await assert.rejects(() => createFirstAdmin(database.sql, "admin", failing, fakeClock()), /disk is full/);
  assert.equal(await users(database), 0);
  assert.equal(await createFirstAdmin(database.sql, "admin", () => {}, fakeClock()), true);
});

Deno.test("five starts at once, each over a connection of its own, make one admin and show one password", async () => {
  await using database = await testDatabase();
  let shown = 0;
  const made = await Promise.all(Array.from({ length: 5 }, async () => {
    const sql = await connect({ url: database.url("patch_owner"), max: 1, application_name: "a start" });
    try {
      return await createFirstAdmin(sql, "admin", () => void shown++, fakeClock());
    } finally {
      await sql.end({ timeout: 5 });
    }
  }));
  assert.deepEqual([made.filter(Boolean).length, shown, await users(database)], [1, 1, 1]);
});

const reopeners: [string, (database: TestDatabase) => Promise<unknown>][] = [
  ["all users were removed", ({ sql }) => sql`delete from users`],
  ["all are disabled", ({ sql }) => sql`update users set disabled_at = app_now()`],
  ["no admin is left", ({ sql }) => sql`update users set role = 'auditor'`],
];
for (const [name, change] of reopeners) {
  Deno.test(`the first start is over for ever, also when ${name}`, async () => {
    await using database = await testDatabase();
    await createFirstAdmin(database.sql, "admin", () => {}, fakeClock());
    await change(database);
    const before = await users(database);
    const again = () => createFirstAdmin(database.sql, "other", () => assert.fail("a password was shown"), fakeClock());
    assert.deepEqual([await again(), await users(database)], [false, before]);
  });
}

Deno.test("a user who was made before the first start closes it", async () => {
  await using database = await testDatabase();
  await addUser(database.sql, "admin");
  const start = () => createFirstAdmin(database.sql, "admin", () => assert.fail("a password was shown"), fakeClock());
  assert.equal(await start(), false);
  await database.sql`delete from users`;
  assert.equal(await start(), false);
});
