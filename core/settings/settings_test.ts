import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addUser } from "../../testing/job_scenario.ts";
import type { Context } from "../audit/types.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { changeSetting } from "./change_setting.ts";
import { listSettings, readSettings } from "./read_settings.ts";
import { defaultSettings, settingProblem, settingRules } from "./rules.ts";

const clock = fakeClock();
const user = uuidv7(clock);
const context: Context = {
  actor: { kind: "user", id: user, name: "ann" },
  address: "192.0.2.1",
  request_id: null,
  clock,
};

const audits = async (sql: Sql) =>
  (await sql`select action, object_id from audit_log order by seq`).map((row) => ({ ...row }));

Deno.test("values that are refused, with words and nothing stored", async () => {
  await using database = await testDatabase();
  const table: [string, unknown, RegExp][] = [
    ["poll.health_interval_seconds", 29, /from 30 to 3600 seconds, not 29/],
    ["poll.health_interval_seconds", 3601, /from 30 to 3600/],
    ["poll.health_interval_seconds", "300", /whole number, from 30 to 3600 seconds/],
    ["poll.health_interval_seconds", 300.5, /whole number/],
    ["poll.health_interval_seconds", NaN, /whole number/],
    ["poll.health_interval_seconds", null, /whole number/],
    ["poll.health_interval_seconds", [300], /whole number/],
    ["poll.concurrency", 0, /from 1 to 256 hosts/],
    ["poll.concurrency", -1, /from 1 to 256/],
    ["__proto__", 1, /no such setting/],
    ["database.url", 1, /no such setting/],
    ["'; drop table hosts", 1, /no such setting/],
  ];
  for (const [key, value, words] of table) {
    await assert.rejects(() => changeSetting(database.web, user, key, value, context), (error: AppError) => {
      assert.equal(error.code, "validation_failed");
      assert.match(error.message, words);
      assert.equal(error.details.length, 1);
      return true;
    });
  }
  assert.equal((await database.sql`select from system_config`).length, 0);
  assert.deepEqual(await audits(database.sql), []);
});

Deno.test("every default lies within its bounds and every setting says why it exists", () => {
  for (const rule of settingRules) {
    assert.equal(settingProblem(rule, rule.default), null, rule.key);
    assert.equal(settingProblem(rule, rule.minimum), null, rule.key);
    assert.equal(settingProblem(rule, rule.maximum), null, rule.key);
    assert.notEqual(settingProblem(rule, rule.minimum - 1), null, rule.key);
    assert.notEqual(settingProblem(rule, rule.maximum + 1), null, rule.key);
    assert.ok(rule.reason.length > 40, rule.key);
  }
  assert.equal(new Set(settingRules.map((rule) => rule.key)).size, settingRules.length);
});

Deno.test("a change is in force for both roles, audited with before and after, and told to the fleet", async () => {
  await using database = await testDatabase();
  const heard = Promise.withResolvers<string>();
  const listener = await database.fleet.listen("wake_fleet", (payload) => heard.resolve(payload));
  try {
    assert.deepEqual(await readSettings(database.fleet), defaultSettings);
    await changeSetting(database.web, user, "poll.concurrency", 32, context);
    assert.equal((await readSettings(database.fleet))["poll.concurrency"], 32);
    assert.deepEqual(JSON.parse(await heard.promise), { kind: "settings", id: "poll.concurrency" });
    await changeSetting(database.web, user, "poll.concurrency", 16, context);
    assert.deepEqual(await audits(database.sql), [
      { action: "setting.change", object_id: "poll.concurrency" },
      { action: "setting.change", object_id: "poll.concurrency" },
    ]);
    const [{ payload }] = await database
      .sql`select convert_from(payload, 'UTF8') as payload from audit_log where seq = 2`;
    assert.deepEqual(JSON.parse(payload).details, { before: 32, after: 16 });
  } finally {
    await listener.unlisten();
  }
});

Deno.test("a change that was decided by another value than the one in force is refused", async () => {
  await using database = await testDatabase();
  const change = (value: number, expected?: number) =>
    changeSetting(database.web, user, "poll.concurrency", value, context, expected);
  const refused = (now: number) => (error: AppError) => {
    assert.equal(error.code, "conflict");
    assert.match(error.details[0].problem, new RegExp(`set it to ${now} in the meantime`));
    return true;
  };
  await assert.rejects(change(32, 63), refused(64), "the default counts where nothing is stored");
  await change(32, 64);
  await assert.rejects(change(16, 64), refused(32));
  await change(16, 32);
  await change(8);
  // What is stored and not usable is not in force.
  await database.sql`update system_config set value = '100000' where key = 'poll.concurrency'`;
  await assert.rejects(change(32, 8), refused(64));
  await change(32, 64);
  assert.equal((await readSettings(database.web))["poll.concurrency"], 32);
  assert.equal((await audits(database.sql)).length, 4, "a refusal changes nothing");
});

Deno.test("of two who change a setting at once by the same value one is told", async () => {
  await using database = await testDatabase();
  const both = await Promise.allSettled(
    [10, 20].map((value) => changeSetting(database.web, user, "poll.concurrency", value, context, 64)),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("who changed a setting is named as long as there is such a user", async () => {
  await using database = await testDatabase();
  const { id } = await addUser(database.sql, "admin");
  await database.sql`update users set username = 'ann' where id = ${id}`;
  const of = async () => {
    const found = (await listSettings(database.web)).find(({ key }) => key === "poll.concurrency")!;
    return [found.value, found.changed_by_name, found.changed_at?.toString() ?? null];
  };
  assert.deepEqual(await of(), [64, null, null]);
  await changeSetting(database.web, id, "poll.concurrency", 32, context);
  assert.deepEqual(await of(), [32, "ann", clock.now().toString()]);
  await changeSetting(database.web, user, "poll.concurrency", 32, context);
  assert.deepEqual(await of(), [32, null, clock.now().toString()], "gone");
});

Deno.test("a stored value that is not usable leaves the default in force and is shown", async () => {
  await using database = await testDatabase();
  await database.sql`
    insert into system_config (key, value, changed_at)
    values ('poll.concurrency', '100000', app_now()), ('gone.setting', '1', app_now()), ('poll.health_interval_seconds', '"x"', app_now())`;
  assert.deepEqual(await readSettings(database.web), defaultSettings);
  const views = await listSettings(database.web);
  assert.equal(views.length, settingRules.length);
  const broken = views.filter((view) => view.problem !== null);
  assert.deepEqual(broken.map((view) => [view.key, view.value]), [
    ["poll.health_interval_seconds", 300],
    ["poll.concurrency", 64],
  ]);
  assert.match(broken[1].problem!, /from 1 to 256 hosts, not 100000\. The default, 64, is in force\./);
});

Deno.test("the fleet's login may read settings and not change them", async () => {
  await using database = await testDatabase();
  await assert.rejects(() => changeSetting(database.fleet, user, "poll.concurrency", 1, context), { code: "42501" });
});
