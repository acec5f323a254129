import assert from "node:assert/strict";
import { addGroup } from "../../testing/job_scenario.ts";
import { verifyPassword } from "../auth/password.ts";
import { findUser } from "../auth/store.ts";
import { uuidv7 } from "../ids.ts";
import { listUsers, userDetail, userFigures } from "../views/users.ts";
import { changeUser } from "./change_user.ts";
import { createUser } from "./create_user.ts";
import { refused, usersScene } from "./users_fixture_test.ts";

Deno.test("bad input: a reason for each field, nothing stored, no row", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const good = { username: "ines", role: "operator" };
  const table: [string, unknown, string, RegExp][] = [
    ["nothing", undefined, "", /./],
    ["text", "ines", "", /./],
    ["no name", { role: "admin" }, "username", /./],
    ["a number", { ...good, username: 7 }, "username", /./],
    ["an empty name", { ...good, username: "" }, "username", /The user name must not be empty/],
    ["spaces", { ...good, username: " \u00a0 " }, "username", /must not be empty/],
    ["65 characters", { ...good, username: "x".repeat(65) }, "username", /at most 64/],
    ["a name that grows to 65", { ...good, username: "ﷺ".repeat(5) }, "username", /at most 64|only letters/],
    ["a space inside", { ...good, username: "ines duarte" }, "username", /only letters a to z/],
    ["Cyrillic that looks Latin", { ...good, username: "іnes" }, "username", /only letters a to z/],
    ["a dot first", { ...good, username: ".ines" }, "username", /begin with a letter or digit/],
    ["NUL", { ...good, username: "ines\u0000" }, "username", /only letters/],
    ["an escape sequence", { ...good, username: "\u001b[2J" }, "username", /only letters/],
    ["half a character", { ...good, username: "ines\ud800" }, "username", /only letters/],
    ["no role", { username: "ines" }, "role", /The role must be one of admin, operator, auditor/],
    ["an unknown role", { ...good, role: "root" }, "role", /must be one of/],
    ["two lines as display name", { ...good, display_name: "a\nb" }, "display_name", /control characters/],
    ["a display name that turns round", { ...good, display_name: "a\u202eb" }, "display_name", /control characters/],
    ["a long display name", { ...good, display_name: "x".repeat(201) }, "display_name", /at most 200/],
    ["an address without @", { ...good, email: "ines" }, "email", /The address must look like name@example.org/],
    ["an address with a space", { ...good, email: "ines duarte@example.org" }, "email", /must look like/],
    ["a header in the address", { ...good, email: "a@b\r\nBcc: c@d" }, "email", /must look like/],
    ["a long address", { ...good, email: `${"x".repeat(320)}@example.org` }, "email", /at most 320/],
    ["a number as address", { ...good, email: 7 }, "email", /./],
    ["a group that is no id", { ...good, group_ids: ["web"] }, "group_ids.0", /is not an id/],
    ["a hundred and one groups", { ...good, group_ids: Array(101).fill(uuidv7()) }, "group_ids", /at most 100/],
    ["a field that is not ours", { ...good, password: "x" }, "", /password/],
    ["an id", { ...good, id: uuidv7() }, "", /id/],
  ];
  for (const [words, order, field, problem] of table) {
    const error = await refused(() => createUser(web, order, scene.context), "validation_failed");
    assert.equal(error.details[0].field, field, words);
    assert.match(error.details[0].problem, problem, words);
    const fields = typeof order === "object" && order !== null ? order as Record<string, unknown> : null;
    if (fields && ["role", "display_name", "email"].includes(field) && field in fields) {
      await refused(
        () => changeUser(web, scene.admin.id, { [field]: fields[field] }, scene.context),
        "validation_failed",
      );
    }
  }
  const unknown = { ...good, group_ids: [uuidv7()] };
  await refused(() => createUser(web, unknown, scene.context), "group_not_found");
  await refused(() => changeUser(web, scene.admin.id, { username: "other" }, scene.context), "validation_failed");
  const [{ users }] = await sql`select count(*)::int as users from users`;
  assert.equal(users, 1);
  assert.equal((await scene.rows()).length, 0);
});

Deno.test("a user is made with a one-time password that only the answer holds", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const group = await addGroup(sql);
  const order = {
    username: "  Ines.Duarte ",
    display_name: " Ines   Duarte ",
    email: "ines@example.org",
    role: "operator",
    group_ids: [group, group.toUpperCase()],
  };
  const { user, password } = await createUser(web, order, scene.context);
  assert.match(password, /^([2-9a-z]{4}-){4}[2-9a-z]{4}$/);
  const stored = await findUser(web, "ines.duarte");
  assert.ok(await verifyPassword(stored!.hash, password));
  assert.equal(stored!.must_change, true);
  const [row] = await scene.rows();
  assert.deepEqual([row.action, row.outcome, row.object], ["user.create", "success", user.id]);
  assert.deepEqual(row.details, {
    ...{ role: "operator", display_name: "Ines Duarte", email: "ines@example.org", groups: [group], one_time: true },
  });
  const [{ text }] = await sql`select string_agg(convert_from(payload, 'UTF8'), '') as text from audit_log`;
  assert.ok(!text.includes(password) && !text.includes("argon2"));
  const detail = await userDetail(web, user.id);
  assert.equal(detail.must_change_password, true);
  assert.deepEqual(detail.factors, { totp: false, passkeys: 0, recovery_codes: 0 });
  assert.deepEqual(detail.groups.map(({ id }) => id), [group]);
  assert.equal(detail.last_login_at, null);
  const error = await refused(
    () => createUser(web, { username: "INES.duarte", role: "admin" }, scene.context),
    "user_exists",
  );
  assert.match(error.message, /“ines.duarte”/);
  assert.equal(error.details[0].field, "username");
  for (const email of ["", null, undefined]) {
    const made = await createUser(web, { username: uuidv7(), role: "auditor", email }, scene.context);
    assert.equal(made.user.email, null);
  }
});

Deno.test("of many who make the same name at once one does", async () => {
  await using scene = await usersScene();
  const made = await Promise.allSettled(
    ["twin", "TWIN", "Twin", "tWin"].map((username) =>
      createUser(scene.database.web, { username, role: "auditor" }, scene.context)
    ),
  );
  assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
  assert.equal((await scene.rows()).length, 1);
});

Deno.test("the list: search in any capitals, filters, orders and pages", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const group = await addGroup(sql);
  const make = async (username: string, more: Record<string, unknown> = {}) =>
    (await createUser(web, { username, role: "operator", ...more }, scene.context)).user.id;
  const ana = await make("ana", { display_name: "Żaneta ŻÓŁW", group_ids: [group] });
  const bob = await make("bob", { role: "auditor", email: "Bob_50%@example.org" });
  const cem = await make("cem", { display_name: "Cem" });
  await sql`update passwords set must_change = false where user_id = ${bob}`;
  await sql`update users set disabled_at = app_now() where id = ${bob}`;
  await sql`update users set last_login_at = app_now() where id = ${ana}`;
  await sql`update users set last_login_at = app_now() - interval '1 hour' where id = ${cem}`;
  await sql`
    insert into totp_secrets (user_id, sealed, created_at, last_step) values (${ana}, '\\x00', app_now(), 0)`;
  await scene.signIn({ id: ana });
  const names = async (query: Record<string, unknown>) =>
    (await listUsers(web, query as never)).items.map(({ username }) => username).filter((name) => name.length === 3)
      .join(" ");
  const table: [Record<string, unknown>, string][] = [
    [{}, "ana bob cem"],
    [{ sort: "-username" }, "cem bob ana"],
    [{ sort: "name" }, "bob cem ana"],
    [{ sort: "role" }, "ana cem bob"],
    [{ sort: "-last_login" }, "ana cem bob"],
    [{ search: "żółw" }, "ana"],
    [{ search: "50%@" }, "bob"],
    [{ search: "_50%" }, "bob"],
    [{ search: "c%m" }, ""],
    [{ role: "auditor" }, "bob"],
    [{ state: "disabled" }, "bob"],
    [{ state: "enabled" }, "ana cem"],
    [{ state: "one_time" }, "ana cem"],
    [{ factor: "set" }, "ana"],
    [{ factor: "none" }, "bob cem"],
    [{ group }, "ana"],
    [{ group: "none" }, "bob cem"],
    [{ role: "operator", factor: "none" }, "cem"],
  ];
  for (const [query, expected] of table) assert.equal(await names(query), expected, JSON.stringify(query));
  for (
    const bad of [{ role: "root" }, { state: "x" }, { sort: "email" }, { group: "x" }, { limit: 501 }, { limit: 0 }]
  ) {
    await refused(() => listUsers(web, bad as never), "validation_failed");
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listUsers>> = await listUsers(web, { limit: 2, cursor });
    assert.equal(page.total, 4);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next;
  } while (cursor);
  assert.equal(new Set(seen).size, 4);
  await refused(() => listUsers(web, { cursor: "x" }), "bad_request");
  const first = await listUsers(web, { limit: 1 });
  await refused(() => listUsers(web, { sort: "name", cursor: first.next }), "bad_request");
  assert.equal((await userDetail(web, ana)).sessions, 1);
  assert.deepEqual(await userFigures(web), { users: 4, enabled: 3, admins: 1, without_factor: 2 });
  for (const id of ["x", uuidv7()]) await refused(() => userDetail(web, id), "user_not_found");
});
