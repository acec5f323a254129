import assert from "node:assert/strict";
import { verifyAudit } from "../core/audit/verify_audit.ts";
import { hashPassword, verifyPassword } from "../core/auth/password.ts";
import { openSession } from "../core/auth/sessions.ts";
import { systemClock } from "../core/clock.ts";
import { uuidv7 } from "../core/ids.ts";
import { testDatabase } from "../testing/database.ts";
import { addUser } from "../testing/job_scenario.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { prepareHandOut } from "./hand_out.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** A database with two users, and the command as an operator would run it, its output going into a file. */
async function made() {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const { path } = stack.use(await testFolder("admin-"));
  const state = `${path}/state`;
  const alice = await addUser(database.sql, "admin");
  await database.sql`update users set username = 'alice', display_name = 'Alice' where id = ${alice.id}`;
  const bob = await addUser(database.sql, "operator");
  await database.sql`update users set username = 'bob.b', disabled_at = app_now() where id = ${bob.id}`;
  await database.sql`
    insert into passwords (user_id, hash, changed_at) values (${alice.id}, ${await hashPassword(
    "an old one",
  )}, app_now())`;
  const run = async (args: string[], env: Record<string, string | null> = {}) => {
    const all: Record<string, string | null> = {
      DATABASE_URL: database.url("patch_owner"),
      PATCH_MANAGER__STATE__DIRECTORY: state,
      ...env,
    };
    for (const name of ["HOME", "DENO_DIR", "XDG_CACHE_HOME"]) if (Deno.env.has(name)) all[name] = Deno.env.get(name)!;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "-A", `--config=${ROOT}deno.json`, `${ROOT}main.ts`, "admin", ...args],
      clearEnv: true,
      env: Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null)),
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout), err: text.decode(stderr) };
  };
  const rows = async () =>
    (await database.sql`
      select action, outcome, actor_kind, actor_name,
        convert_from(payload, 'UTF8')::json -> 'object' ->> 'name' as object_name
      from audit_log order by seq`).map((row) => ({
      ...row,
    }));
  return { database, state, alice, bob, run, rows, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const stamp = { outcome: "success", actor_kind: "system", actor_name: "console" };

Deno.test("what is not understood changes nothing and says what was meant", async () => {
  await using bed = await made();
  const table: [args: string[], code: number, words: RegExp][] = [
    [[], 2, /admin needs one of: create, reset-password, reset-mfa, list\./],
    [["reset-passwort", "alice"], 2, /"reset-passwort" is not one of: .* Did you mean reset-password\?/],
    [["create"], 2, /admin create needs the name of one user\./],
    [["create", "a", "b"], 2, /needs the name of one user/],
    [["create", "-x"], 2, /There is no flag -x here\./],
    [["list", "alice"], 2, /"alice" is not understood here\./],
    [["list", "--jsn"], 2, /Did you mean --json\?/],
    [["reset-password", "alcie"], 2, /^There is no user "alcie"\. Did you mean alice\?\n$/],
    [["reset-mfa", "somebody.else.entirely"], 2, /^There is no user .* See: patch-manager admin list\n$/],
    [["reset-mfa", "../../etc/passwd"], 2, /^There is no user "\.\.\/\.\.\/etc\/passwd"\./],
    [["create", "Alice"], 2, /^There is a user named “alice” already\./],
    [["create", "no spaces please"], 2, /must have only letters a to z, digits and \. _ @ \+ -/],
    [["create", "../../x"], 2, /must have only letters/],
    [["create", "carol", "--display-name", "a\u0007b"], 2, /must not hold control characters/],
  ];
  for (const [args, code, words] of table) {
    const answer = await bed.run(args);
    assert.deepEqual([answer.code, answer.out], [code, ""], `${args}: ${answer.err}`);
    assert.match(answer.err, words, args.join(" "));
  }
  assert.deepEqual(await bed.rows(), []);
  const left = await Array.fromAsync(Deno.readDir(bed.state)).catch(() => []);
  assert.deepEqual(left, [], "no file of a password that there is not");
});

Deno.test("without a database, or with one of another version, it says what to do", async () => {
  await using bed = await made();
  const none = await bed.run(["list"], { DATABASE_URL: null });
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /^No database is configured/);
  await bed.database.sql`delete from schema_migration where id > 5`;
  const older = await bed.run(["list"]);
  assert.deepEqual([older.code, older.out], [1, ""]);
  assert.match(older.err, /has version 5, this program works with \d+\. Run: patch-manager migrate/);
});

Deno.test("create: an admin whose one-time password is in a file that only its owner reads", async () => {
  await using bed = await made();
  const { code, out, err } = await bed.run(["create", "Carol", "--display-name", "Carol C."]);
  assert.deepEqual([code, err], [0, ""]);
  const path = `${bed.state}/one-time-password-carol`;
  assert.match(out, new RegExp(`^The one-time password of carol is in ${path}\\. `));
  const { mode } = await Deno.stat(path);
  assert.equal(mode! & 0o777, 0o600);
  const password = (await Deno.readTextFile(path)).trim();
  assert.ok(!out.includes(password), "the output may be a journal");
  const [row] = await bed.database.sql`
    select u.role, u.display_name, p.hash, p.must_change from users u join passwords p on p.user_id = u.id
    where username = 'carol'`;
  assert.deepEqual([row.role, row.display_name, row.must_change], ["admin", "Carol C.", true]);
  assert.equal(await verifyPassword(row.hash, password), true);
  assert.deepEqual(await bed.rows(), [{ action: "user.create", object_name: "carol", ...stamp }]);
  const log = JSON.stringify(await bed.database.sql`select convert_from(payload, 'UTF8') from audit_log`);
  assert.ok(!log.includes(password));
  assert.ok((await verifyAudit(bed.database.sql)).intact);
});

Deno.test("reset-password and reset-mfa: what was stolen ends within a second, wherever the manager runs", async () => {
  await using bed = await made();
  const { database, alice } = bed;
  const person = { ...alice, username: "alice", display_name: "Alice", must_change: false };
  const open = async () =>
    (await openSession(database.web, person, "browser", { address: null, user_agent: null }, systemClock)).session_id;
  const heard: string[] = [];
  const listening = await database.web.listen("revoked", (payload) => void heard.push(JSON.parse(payload).sid));
  const first = await open();
  await database.sql`
    insert into totp_secrets (user_id, sealed, created_at, last_step) values (${alice.id}, '\\x00', app_now(), 0)`;
  for (const name of ["key", "phone"]) {
    await database.sql`
      insert into passkeys (id, user_id, name, credential_id, public_key, sign_count, backed_up, verifies_user, created_at)
      values (${uuidv7()}, ${alice.id}, ${name}, ${name}::text::bytea, '\\x00', 0, false, true, app_now())`;
  }
  const password = await bed.run(["reset-password", "ALICE"]);
  assert.deepEqual([password.code, password.err], [0, ""]);
  assert.match(password.out, /one-time-password-alice\. .*\n.*The second factor stays/);
  await waitFor("the session's end", () => heard.includes(first) || null);
  const [{ hash }] = await database.sql`select hash from passwords where user_id = ${alice.id}`;
  assert.equal(await verifyPassword(hash, "an old one"), false);
  const again = await bed.run(["reset-password", "alice"]);
  assert.equal(again.code, 0, "the file of the password before is replaced");
  const second = await open();
  const factors = await bed.run(["reset-mfa", "alice"]);
  assert.deepEqual([factors.code, factors.err], [0, ""]);
  assert.match(
    factors.out,
    /^alice sets up a second factor at the next login\. Taken away: .*2 passkeys.\n1 session ended\.\n$/,
  );
  await waitFor("the session's end", () => heard.includes(second) || null);
  const nothing = await bed.run(["reset-mfa", "bob.b"]);
  assert.match(
    nothing.out,
    /Taken away: nothing\.\n0 sessions ended\.\nThe account is disabled: bob\.b cannot sign in/,
  );
  await listening.unlisten();
  assert.deepEqual(await bed.rows(), [
    { action: "user.reset_password", object_name: "alice", ...stamp },
    { action: "user.reset_password", object_name: "alice", ...stamp },
    { action: "user.reset_factors", object_name: "alice", ...stamp },
    { action: "user.reset_factors", object_name: "bob.b", ...stamp },
  ]);
});

Deno.test("list: a table for people, JSON for scripts", async () => {
  await using bed = await made();
  await bed.database.sql`update users set last_login_at = '2026-11-20T10:00:59Z' where username = 'alice'`;
  const { code, out, err } = await bed.run(["list"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(out.split("\n"), [
    "USER   ROLE      SECOND FACTOR  LAST LOGIN (UTC)  STATE",
    "alice  admin     none yet       2026-11-20 10:00  enabled",
    "bob.b  operator  none yet       never             disabled",
    "",
  ]);
  const json = JSON.parse((await bed.run(["list", "--json"])).out);
  assert.deepEqual(json.map((user: { username: string }) => user.username), ["alice", "bob.b"]);
  assert.deepEqual(Object.keys(json[0]), [
    ...["id", "username", "display_name", "role", "factors", "last_login_at", "disabled_at", "must_change_password"],
  ]);
  assert.equal(json[0].last_login_at, "2026-11-20T10:00:59Z");
  assert.deepEqual(json[0].factors, { totp: false, passkeys: 0, recovery_codes: 0 });
});

Deno.test("on a terminal the password is printed, and no file is made", async () => {
  await using folder = await testFolder("hand-");
  const said: string[] = [];
  const desk = { terminal: true, say: (text: string) => void said.push(text) };
  const hand = await prepareHandOut(`${folder.path}/one-time-password-carol`, desk);
  await hand.give("carol", "abcd-efgh");
  assert.match(said.join(), /User: +carol\n +One-time password: abcd-efgh/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(folder.path)), []);
});
