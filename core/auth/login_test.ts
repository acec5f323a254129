import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { verifyAudit } from "../audit/verify_audit.ts";
import { AppError } from "../errors.ts";
import { blocklistIn } from "./blocklist.ts";
import { changePassword } from "./change_password.ts";
import { createFirstAdmin } from "./create_first_admin.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { viewerOfSession } from "./sessions.ts";

const blocklist = blocklistIn(new URL("../../dist", import.meta.url).pathname);
const client = { address: "192.0.2.1", user_agent: "a browser" };

async function fresh(database: TestDatabase) {
  const clock = fakeClock();
  let password = "";
  await createFirstAdmin(database.sql, "admin", (admin) => void (password = admin.password), clock);
  const context = { clock, address: "192.0.2.1", request_id: null };
  const signIn = (username: string, given: string, address = "192.0.2.1") =>
    login(database.web, { username, password: given }, "browser", client, { ...context, address });
  return { clock, password, context, signIn };
}

const coded = (code: string) => (thrown: unknown) => thrown instanceof AppError && thrown.code === code;

Deno.test("the first start makes one admin whose password was shown once", async () => {
  await using database = await testDatabase();
  const { password, signIn } = await fresh(database);
  const { viewer, token } = await signIn("admin", password);
  assert.equal(viewer.role, "admin");
  assert.equal(viewer.must_change_password, true);
  const [row] = await database.sql`select hash from passwords`;
  assert.ok(!row.hash.includes(password), "only its hash is stored");
  const dump = JSON.stringify(await database.sql`select convert_from(payload, 'UTF8') from audit_log`);
  assert.ok(!dump.includes(password) && !dump.includes(token), "neither password nor token is in the audit log");
});

const wrong: [string, string, string][] = [
  ["a wrong password", "admin", "wrong"],
  ["an unknown user", "nobody", "wrong"],
  ["an injection", "admin' or '1'='1", "x"],
  ["a null byte", "admin\u0000", "x"],
  ["another script's letters", "аdmin", "x"],
];
Deno.test("whatever is wrong, the answer is the same", async () => {
  await using database = await testDatabase();
  const { signIn } = await fresh(database);
  const words = new Set<string>();
  for (const [name, username, password] of wrong) {
    await assert.rejects(() => signIn(username, password), (thrown) => {
      assert.ok(coded("login_failed")(thrown), `${name}: ${thrown}`);
      words.add(`${(thrown as AppError).message} ${(thrown as AppError).hint}`);
      return true;
    });
  }
  assert.equal(words.size, 1);
  const rows = await database.sql`select outcome, actor_name from audit_log where action = 'auth.login' order by seq`;
  assert.deepEqual(rows.map((row) => [row.outcome, row.actor_name]), [
    ["failure", "admin"],
    ...Array(4).fill(["failure", null]),
  ]);
});

Deno.test("a disabled account does not get in, and its open session ends", async () => {
  await using database = await testDatabase();
  const { clock, password, signIn } = await fresh(database);
  const { session_id } = await signIn("admin", password);
  await database.sql`update users set disabled_at = app_now()`;
  await assert.rejects(() => signIn("admin", password), coded("login_failed"));
  assert.equal(await viewerOfSession(database.web, session_id, clock), null);
});

Deno.test("guessing is slowed down, and the right password works after the pause", async () => {
  await using database = await testDatabase();
  const { clock, password, signIn } = await fresh(database);
  for (let i = 0; i < 6; i++) await assert.rejects(() => signIn("admin", "wrong"), coded("login_failed"));
  await assert.rejects(() => signIn("admin", password), (thrown) => {
    assert.ok(coded("too_many_requests")(thrown));
    assert.match((thrown as AppError).hint, /Wait a second,/);
    return true;
  });
  clock.advance({ seconds: 2 });
  await signIn("admin", password);
});

Deno.test("one machine's guessing does not lock the owner out from elsewhere", async () => {
  await using database = await testDatabase();
  const { password, signIn } = await fresh(database);
  for (let i = 0; i < 7; i++) await signIn("admin", "wrong", "198.51.100.9").catch(() => {});
  await assert.rejects(() => signIn("admin", password, "198.51.100.9"), coded("too_many_requests"));
  assert.equal((await signIn("admin", password, "192.0.2.1")).viewer.username, "admin");
});

Deno.test("one machine trying many names is slowed down too", async () => {
  await using database = await testDatabase();
  const { signIn } = await fresh(database);
  for (let i = 0; i < 21; i++) await assert.rejects(() => signIn(`user${i}`, "wrong"), coded("login_failed"));
  await assert.rejects(() => signIn("user99", "wrong"), coded("too_many_requests"));
});

Deno.test("a password that was typed as the user name is kept nowhere", async () => {
  await using database = await testDatabase();
  const { signIn } = await fresh(database);
  const typed = "my-secret-passphrase";
  await assert.rejects(() => signIn(typed, "x"), coded("login_failed"));
  for (const table of ["login_throttle", "audit_log", "users", "sessions"]) {
    const dump = JSON.stringify(await database.sql.unsafe(`select t::text from ${table} t`));
    assert.ok(!dump.includes(typed) && !dump.includes(new TextEncoder().encode(typed).toHex()), table);
  }
});

Deno.test("logging out ends the session and says so once in the audit log", async () => {
  await using database = await testDatabase();
  const { clock, password, context, signIn } = await fresh(database);
  const { viewer } = await signIn("admin", password);
  const actor = { kind: "user" as const, id: viewer.id, name: viewer.username };
  assert.ok(await viewerOfSession(database.web, viewer.session_id, clock));
  await logout(database.web, viewer, { ...context, actor });
  await logout(database.web, viewer, { ...context, actor });
  assert.equal(await viewerOfSession(database.web, viewer.session_id, clock), null);
  const [{ n }] = await database.sql`select count(*)::int as n from audit_log where action = 'auth.logout'`;
  assert.equal(n, 1);
});

Deno.test("changing the password ends all other sessions and the duty to change it", async () => {
  await using database = await testDatabase();
  const { clock, password, context, signIn } = await fresh(database);
  const other = await signIn("admin", password);
  const { viewer } = await signIn("admin", password);
  const call = { ...context, actor: { kind: "user" as const, id: viewer.id, name: viewer.username } };
  const change = (current_password: string, new_password: string) =>
    changePassword(database.web, blocklist, viewer, { current_password, new_password }, client, call);
  await assert.rejects(() => change("wrong", "stapler wobbles quietly"), coded("validation_failed"));
  await assert.rejects(() => change(password, "short"), coded("password_weak"));
  await assert.rejects(() => change(password, password), coded("password_weak"));
  const { ended_sessions, opened } = await change(password, "stapler wobbles quietly");
  assert.equal(ended_sessions, 1);
  assert.equal(await viewerOfSession(database.web, other.session_id, clock), null);
  assert.equal(await viewerOfSession(database.web, viewer.session_id, clock), null, "the present one too");
  assert.notEqual(opened.session_id, viewer.session_id);
  assert.equal((await viewerOfSession(database.web, opened.session_id, clock))?.must_change_password, false);
  await assert.rejects(() => signIn("admin", password), coded("login_failed"));
  await signIn("Admin ", "stapler wobbles quietly");
  assert.ok((await verifyAudit(database.sql)).intact);
});

Deno.test("the fleet role sees no user, password, session or token", async () => {
  await using database = await testDatabase();
  for (
    const table of [
      "users",
      "passwords",
      "sessions",
      "identities",
      "ws_tickets",
      "login_throttle",
      "enrolment_tokens",
      "enrolments",
      "user_groups",
      "audit_log",
    ]
  ) {
    await assert.rejects(() => database.fleet.unsafe(`select 1 from ${table}`), /permission denied/, table);
  }
});
