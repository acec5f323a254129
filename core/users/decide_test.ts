import assert from "node:assert/strict";
import { addGroup, addHost, addUser, callerContext, type TestUser } from "../../testing/job_scenario.ts";
import { AppError } from "../errors.ts";
import { verifyPassword } from "../auth/password.ts";
import { findUser } from "../auth/store.ts";
import { uuidv7 } from "../ids.ts";
import { userDetail, userSessions } from "../views/users.ts";
import { changeUser } from "./change_user.ts";
import { createUser } from "./create_user.ts";
import { removeUser } from "./remove_user.ts";
import { requireFactorsAnew } from "./require_factors_anew.ts";
import { resetPassword } from "./reset_password.ts";
import { revokeSessionsOf } from "./revoke_sessions.ts";
import { TRACES } from "./store.ts";
import { disableUser, enableUser } from "./switch_user.ts";
import { refused, usersScene } from "./users_fixture_test.ts";

Deno.test("a change says which fields; only another role ends sessions", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const user = await addUser(sql, "operator");
  const session = await scene.signIn(user);
  await sql`
    insert into api_tokens (id, user_id, name, hash, hint, scopes, created_at, expires_at)
    values (${uuidv7()}, ${user.id}, 'nightly', sha256('x'), 'lpm_x', '{read}', app_now(), app_now() + interval '1 day')`;
  const other = await scene.signIn(scene.admin);
  const words = { display_name: " Ines  Duarte", email: "ines@example.org" };
  assert.equal((await changeUser(web, user.id, words, scene.context)).ended_sessions, 0);
  assert.deepEqual(await scene.open(user), [session]);
  assert.equal((await changeUser(web, user.id, { role: "auditor", email: "" }, scene.context)).ended_sessions, 1);
  assert.deepEqual(await scene.open(user), []);
  assert.deepEqual(await scene.open(scene.admin), [other]);
  assert.deepEqual((await scene.rows()).map(({ details }) => details), [
    {
      before: { display_name: "", email: null },
      after: { display_name: "Ines Duarte", email: "ines@example.org" },
      ended_sessions: 0,
      ended_tokens: 0,
    },
    {
      before: { role: "operator", email: "ines@example.org" },
      after: { role: "auditor", email: null },
      ended_sessions: 1,
      ended_tokens: 1,
    },
  ]);
  const [row] = await sql`select revoked_reason from sessions where id = ${session}`;
  assert.match(row.revoked_reason, /role was changed/);
});

Deno.test("a disabled account has no open session, and an enabled one none of before", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const user = await addUser(sql, "operator");
  await scene.signIn(user);
  await scene.signIn(user);
  const off = await disableUser(web, user.id, scene.context);
  assert.equal(off.ended_sessions, 2);
  assert.ok(off.user.disabled_at);
  assert.deepEqual(await scene.open(user), []);
  assert.deepEqual(await sql`select from visible_hosts(${user.id})`, await sql`select where false`);
  scene.clock.advance({ hours: 1 });
  const again = await disableUser(web, user.id, scene.context);
  assert.equal(String(again.user.disabled_at), String(off.user.disabled_at), "since when it is disabled stays");
  assert.equal((await enableUser(web, user.id, scene.context)).user.disabled_at, null);
  assert.deepEqual(await scene.open(user), []);
  assert.deepEqual((await scene.rows()).map(({ action, details }) => [action, details.already]), [
    ["user.disable", false],
    ["user.disable", true],
    ["user.enable", false],
  ]);
});

Deno.test("nobody does it to themselves, and the last admin stays; each try is a row", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const { admin, context } = scene;
  // Neither a disabled admin nor an operator counts.
  const off = await addUser(sql, "admin");
  await sql`update users set disabled_at = app_now() where id = ${off.id}`;
  const operator = await addUser(sql, "operator");
  const system = { ...context, actor: { kind: "system" as const, name: "console" } };
  const table: [string, () => Promise<unknown>, string, string][] = [
    ["disables themselves", () => disableUser(web, admin.id, context), "own_account", "user.disable"],
    ["removes themselves", () => removeUser(web, admin.id, context), "own_account", "user.remove"],
    ["resets their password", () => resetPassword(web, admin.id, context), "own_account", "user.reset_password"],
    [
      "is demoted by themselves",
      () => changeUser(web, admin.id, { role: "auditor" }, context),
      "last_admin",
      "user.change",
    ],
    ["is demoted", () => changeUser(web, admin.id, { role: "operator" }, system), "last_admin", "user.change"],
    ["is disabled", () => disableUser(web, admin.id, system), "last_admin", "user.disable"],
    ["is removed", () => removeUser(web, admin.id, system), "last_admin", "user.remove"],
  ];
  for (const [words, work, code] of table) {
    const error = await refused(work, code);
    assert.ok(error.status === 409 && error.hint.length > 10, words);
  }
  assert.deepEqual(
    (await scene.rows()).map(({ action, outcome, object, details }) => [action, outcome, object, details.reason]),
    table.map(([, , code, action]) => [action, "denied", admin.id, code]),
  );
  const [{ role, disabled_at }] = await sql`select role, disabled_at from users where id = ${admin.id}`;
  assert.deepEqual([role, disabled_at], ["admin", null]);
  // With another admin all of it is allowed, but to themselves.
  await changeUser(web, operator.id, { role: "admin" }, context);
  await changeUser(web, admin.id, { role: "auditor" }, context);
  await refused(() => disableUser(web, operator.id, context), "forbidden");
  for (const id of [uuidv7(), "x", ""]) {
    for (const act of [disableUser, enableUser, removeUser, resetPassword]) {
      await refused(() => act(web, id, callerContext(operator)), "user_not_found");
    }
  }
});

Deno.test("admins who take each other's rights at once: one wins, and one is always left", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const acts: Record<string, (whom: TestUser, by: TestUser) => Promise<unknown>> = {
    demote: (whom, by) => changeUser(web, whom.id, { role: "auditor" }, callerContext(by, scene.clock)),
    disable: (whom, by) => disableUser(web, whom.id, callerContext(by, scene.clock)),
    remove: (whom, by) => removeUser(web, whom.id, callerContext(by, scene.clock)),
  };
  await sql`update users set disabled_at = app_now()`;
  for (const [first, act] of Object.entries(acts)) {
    for (const [second, other] of Object.entries(acts)) {
      const [a, b] = [await addUser(sql, "admin"), await addUser(sql, "admin")];
      const both = await Promise.allSettled([act(b, a), other(a, b)]);
      const what = `${first} against ${second}`;
      assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1, what);
      for (const one of both) {
        if (one.status === "fulfilled") continue;
        assert.ok(one.reason instanceof AppError, what);
        assert.equal(one.reason.code, "forbidden", what);
      }
      const [{ left }] = await sql`
        select count(*)::int as left from users where role = 'admin' and disabled_at is null`;
      assert.equal(left, 1, what);
      await sql`update users set disabled_at = app_now()`;
    }
  }
});

Deno.test("who never did anything can be removed, with all that is theirs", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const { user } = await createUser(
    web,
    { username: "mistyped", role: "operator", group_ids: [await addGroup(sql)] },
    scene.context,
  );
  await scene.signIn(user);
  assert.deepEqual(await removeUser(web, user.id, scene.context), { id: user.id });
  const [left] = await sql`
    select (select count(*)::int from users where id = ${user.id}) + (select count(*)::int from sessions) +
      (select count(*)::int from passwords) + (select count(*)::int from user_groups) as rows`;
  assert.equal(left.rows, 0);
  assert.equal((await scene.rows()).at(-1)!.action, "user.remove");
  const again = await createUser(web, { username: "mistyped", role: "operator" }, scene.context);
  assert.notEqual(again.user.id, user.id);
});

Deno.test("whoever the history names stays: the refusal says what names them, and what to do instead", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const worker = await addUser(sql, "admin");
  const [{ username }] = await sql`select username from users where id = ${worker.id}`;
  const by_worker = { ...scene.context, actor: { kind: "user" as const, id: worker.id, name: username } };
  const { user } = await createUser(web, { username: "new", role: "auditor" }, by_worker);
  await changeUser(web, user.id, { display_name: "New" }, by_worker);
  const acted = await refused(() => removeUser(web, worker.id, scene.context), "user_in_use");
  assert.match(acted.message, /2 entries in the audit log\./);
  await sql`update hosts set created_by = ${worker.id} where id in (${await addHost(sql)}, ${await addHost(sql)})`;
  const error = await refused(() => removeUser(web, worker.id, scene.context), "user_in_use");
  assert.match(error.message, /2 hosts added/);
  assert.match(error.hint, /Disable the account instead/);
  assert.deepEqual((await scene.rows()).slice(-1).map(({ action, outcome }) => [action, outcome]), [
    ["user.remove", "denied"],
  ]);
});

Deno.test("no column that names a user is forgotten: each goes with them, or keeps them", async () => {
  await using scene = await usersScene();
  const columns = await scene.database.sql`
    select c.conrelid::regclass::text as table, a.attname as column, c.confdeltype as rule
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid = 'users'::regclass`;
  const keeping = TRACES.map(([table, column]) => `${table}.${column}`);
  for (const { table, column, rule } of columns) {
    if (rule === "c") assert.ok(!keeping.includes(`${table}.${column}`), `${table}.${column} goes with the user`);
    else assert.ok(keeping.includes(`${table}.${column}`), `add ${table}.${column} to TRACES`);
  }
  assert.ok(columns.length >= keeping.length, "settings name users without a key");
});

Deno.test("a reset password is a one-time password; sessions end, the old one is worth nothing", async () => {
  await using scene = await usersScene();
  const { web } = scene.database;
  const made = await createUser(web, { username: "ines", role: "operator" }, scene.context);
  await scene.signIn(made.user);
  const { password, ended_sessions } = await resetPassword(web, made.user.id, scene.context);
  assert.notEqual(password, made.password);
  assert.equal(ended_sessions, 1);
  const stored = await findUser(web, "ines");
  assert.ok(await verifyPassword(stored!.hash, password));
  assert.ok(!await verifyPassword(stored!.hash, made.password));
  assert.equal(stored!.must_change, true);
  assert.deepEqual((await scene.rows()).at(-1)!.details, { one_time: true, ended_sessions: 1, ended_tokens: 0 });
});

Deno.test("factors asked for anew: all of them are gone, and with them the sessions; the password stays", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const made = await createUser(web, { username: "ines", role: "operator" }, scene.context);
  const { id } = made.user;
  await sql`insert into totp_secrets (user_id, sealed, created_at, last_step) values (${id}, '\\x00', app_now(), 0)`;
  await sql`insert into recovery_codes (user_id, hash, created_at) values (${id}, sha256('one'), app_now())`;
  await scene.signIn(made.user);
  const reset = { app: true, passkeys: 0, recovery_codes: 1, ended_sessions: 1, ended_tokens: 0 };
  assert.deepEqual(await requireFactorsAnew(web, id, scene.context), reset);
  assert.deepEqual((await userDetail(web, id)).factors, { totp: false, passkeys: 0, recovery_codes: 0 });
  assert.ok(await verifyPassword((await findUser(web, "ines"))!.hash, made.password));
  const row = (await scene.rows()).at(-1)!;
  assert.deepEqual([row.action, row.object, row.details], ["user.reset_factors", id, reset]);
  await refused(() => requireFactorsAnew(web, scene.admin.id, scene.context), "own_account");
});

Deno.test("with an API token nobody is made an admin", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const context = { ...scene.context, token: { id: uuidv7(), name: "joiners" } };
  await refused(() => createUser(web, { username: "ines", role: "admin" }, context), "token_not_allowed");
  const { user } = await createUser(web, { username: "ines", role: "auditor" }, context);
  await refused(() => changeUser(web, user.id, { role: "admin" }, context), "token_not_allowed");
  await changeUser(web, user.id, { role: "operator" }, context);
  const other = await addUser(sql, "admin");
  assert.equal((await changeUser(web, other.id, { role: "admin", email: "a@b" }, context)).user.email, "a@b");
});

Deno.test("sessions of somebody: one, or all; the caller's own goes on", async () => {
  await using scene = await usersScene();
  const { web, sql } = scene.database;
  const { admin, context } = scene;
  const user = await addUser(sql, "operator");
  const [first, second, third] = [await scene.signIn(user), await scene.signIn(user), await scene.signIn(user)];
  const own = await scene.signIn(admin);
  assert.deepEqual((await userSessions(web, user.id)).map(({ id }) => id).sort(), [first, second, third].sort());
  assert.deepEqual(await revokeSessionsOf(web, user.id, second, own, context), { ended: [second] });
  assert.deepEqual((await scene.open(user)).sort(), [first, third].sort());
  for (const id of [second, own, uuidv7(), "x"]) {
    await refused(() => revokeSessionsOf(web, user.id, id, own, context), "not_found");
  }
  assert.deepEqual((await revokeSessionsOf(web, user.id, null, own, context)).ended.sort(), [first, third].sort());
  const another = await scene.signIn(admin);
  assert.deepEqual((await revokeSessionsOf(web, admin.id, null, own, context)).ended, [another]);
  assert.deepEqual(await scene.open(admin), [own]);
  assert.deepEqual((await scene.rows()).map(({ action, outcome }) => `${action} ${outcome}`), [
    ...Array(3).fill("session.revoke success"),
  ]);
});
