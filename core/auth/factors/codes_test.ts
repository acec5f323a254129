import assert from "node:assert/strict";
import { testApp } from "../../../testing/factors.ts";
import { AppError } from "../../errors.ts";
import { viewerOfSession } from "../sessions.ts";
import { enrolTotp } from "./enrol_totp.ts";
import { giveCode, giveRecoveryCode } from "./give_factor.ts";
import { factorsOf } from "./list_factors.ts";
import { makeRecoveryCodes } from "./make_recovery_codes.ts";
import { CLIENT, coded, scene } from "./scene_fixture_test.ts";
import { codeAt } from "./totp.ts";
import { beginTotp } from "./totp_setup.ts";

Deno.test("without a factor a password opens setting one up, and nothing but a code of it opens the rest", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  const id = await made.person("anne");
  const begun = await made.signIn("anne");
  assert.equal(begun.viewer.stage, "enrol");
  assert.deepEqual(await factorsOf(vault.sql, id), { app: null, passkeys: [], recovery_codes_left: 0 });
  const { setup, secret } = await beginTotp(vault.sealer, begun.viewer, clock);
  const typed = (code: string) => enrolTotp(vault, begun.viewer, { setup, code }, CLIENT, contextOf(begun.viewer));
  await assert.rejects(() => typed("000000"), coded("factor_failed"));
  await assert.rejects(() => typed("not a code"), coded("factor_failed"));
  assert.equal((await factorsOf(vault.sql, id)).app, null, "what is not confirmed does not exist");
  const { opened, recovery_codes } = await typed(codeAt(secret, clock.now()));
  assert.equal(opened!.viewer.stage, "full");
  assert.notEqual(opened!.session_id, begun.session_id);
  assert.equal(
    await viewerOfSession(vault.sql, begun.session_id, clock),
    null,
    "the pending one has ended",
  );
  assert.equal((await viewerOfSession(vault.sql, opened!.session_id, clock))?.stage, "full");
  assert.equal(new Set(recovery_codes).size, 10);
  assert.deepEqual((await made.rows("auth.enrol_totp")).map(({ outcome }) => outcome), [
    "failure",
    "failure",
    "success",
  ]);
  const [row] = await made.database.sql`select sealed from totp_secrets`;
  assert.ok(!new TextDecoder().decode(row.sealed).includes(secret), "the secret is sealed");
  const dump = JSON.stringify(await made.database.sql`select convert_from(payload, 'UTF8') from audit_log`);
  for (const word of [secret, setup, ...recovery_codes!]) assert.ok(!dump.includes(word));
});

Deno.test("a set-up is its owner's and its session's, and lasts half an hour", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  for (const name of ["anne", "ben"]) await made.person(name);
  const anne = (await made.signIn("anne")).viewer;
  const again = (await made.signIn("anne")).viewer;
  const ben = (await made.signIn("ben")).viewer;
  const { setup, secret } = await beginTotp(vault.sealer, anne, clock);
  const typed = (viewer: typeof anne, given = setup) =>
    enrolTotp(vault, viewer, { setup: given, code: codeAt(secret, clock.now()) }, CLIENT, contextOf(viewer));
  for (const other of [again, ben]) await assert.rejects(() => typed(other), coded("factor_setup_expired"));
  for (const broken of ["x", "!!!", setup.slice(4), "A".repeat(setup.length)]) {
    await assert.rejects(() => typed(anne, broken), coded("factor_setup_expired"), broken);
  }
  clock.advance({ minutes: 30 });
  await assert.rejects(() => typed(anne), coded("factor_setup_expired"));
});

Deno.test("a sign-in with an app: the right code opens it, the same code never again, not even in another sign-in", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  const { app, id } = await made.withApp("anne");
  const first = await made.signIn("anne");
  assert.equal(first.viewer.stage, "factor");
  const give = (viewer: typeof first.viewer, code: string) => giveCode(vault, viewer, code, CLIENT, contextOf(viewer));
  const code = app.code();
  const opened = await give(first.viewer, ` ${code.slice(0, 3)} ${code.slice(3)} `);
  assert.equal(opened.viewer.stage, "full");
  const [{ methods }] = await made.database.sql`select methods from sessions where id = ${opened.session_id}`;
  assert.deepEqual(methods, ["pwd", "otp"]);
  assert.equal(await viewerOfSession(vault.sql, first.session_id, clock), null);
  const second = await made.signIn("anne");
  await assert.rejects(() => give(second.viewer, code), coded("factor_failed"));
  await assert.rejects(() => give(opened.viewer, app.code()), coded("conflict"), "nothing is missing any more");
  await give(second.viewer, app.code());
  assert.deepEqual((await made.rows("auth.factor")).map(({ outcome, details }) => [outcome, details.reason ?? null]), [
    ["success", null],
    ["failure", "code used before"],
    ["success", null],
  ]);
  const [{ last_login_at }] = await made.database.sql`select last_login_at from users where id = ${id}`;
  assert.equal(String(last_login_at), String(clock.now()));
});

Deno.test("the code of somebody else's app is no code", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  await made.withApp("anne");
  const ben = await made.withApp("ben");
  const { viewer } = await made.signIn("anne");
  await assert.rejects(
    () => giveCode(vault, viewer, ben.app.code(), CLIENT, contextOf(viewer)),
    coded("factor_failed"),
  );
  await made.database.sql`
    update totp_secrets set sealed = (select sealed from totp_secrets where user_id = ${ben.id})
    where user_id <> ${ben.id}`;
  const copied = testApp(ben.app.secret, made.clock);
  await assert.rejects(() => giveCode(vault, viewer, copied.code(), CLIENT, contextOf(viewer)), coded("factor_failed"));
  const [, row] = await made.rows("auth.factor");
  assert.match(row.details.reason, /cannot be opened/, "a secret that was copied to another row opens nothing");
});

Deno.test("of many requests with the same code at once one gets in", async () => {
  await using made = await scene();
  const { app } = await made.withApp("anne");
  const pending = [];
  for (let i = 0; i < 4; i++) pending.push((await made.signIn("anne")).viewer);
  const code = app.code();
  const outcomes = await Promise.allSettled(
    pending.map((viewer) => giveCode(made.vault, viewer, code, CLIENT, made.contextOf(viewer))),
  );
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("of two requests of one sign-in with different good codes one gets in", async () => {
  await using made = await scene();
  const { app } = await made.withApp("anne");
  const { viewer } = await made.signIn("anne");
  const outcomes = await Promise.allSettled(
    [app.code(), app.code()].map((code) => giveCode(made.vault, viewer, code, CLIENT, made.contextOf(viewer))),
  );
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  const [{ n }] = await made.database.sql`
    select count(*)::int as n from sessions where stage = 'full' and revoked_at is null and created_at = ${made.clock.now()}`;
  assert.equal(n, 1);
});

Deno.test("wrong codes are slowed down, whatever right passwords come between; a pause ends by itself", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  const { app } = await made.withApp("anne");
  const wrong = async (address?: string) => {
    const { viewer } = await made.signIn("anne");
    return await giveCode(vault, viewer, "000000", CLIENT, contextOf(viewer, address));
  };
  for (let i = 0; i < 6; i++) await assert.rejects(() => wrong(), coded("factor_failed"));
  const { viewer } = await made.signIn("anne");
  await assert.rejects(() => giveCode(vault, viewer, app.code(), CLIENT, contextOf(viewer)), (thrown) => {
    assert.ok(coded("too_many_requests")(thrown));
    assert.equal((thrown as AppError).details[0].field, "retry_after_seconds");
    return true;
  });
  // From another network the user's own count goes on.
  for (let i = 0; i < 9; i++) await assert.rejects(() => wrong(`198.51.100.${i}`), coded("factor_failed"));
  await assert.rejects(() => wrong("203.0.113.1"), coded("factor_failed"));
  await assert.rejects(() => wrong("203.0.113.2"), coded("too_many_requests"));
  clock.advance({ minutes: 15 });
  const late = (await made.signIn("anne")).viewer;
  await giveCode(vault, late, app.code(), CLIENT, contextOf(late));
  assert.equal((await made.database.sql`select 1 from login_throttle where key like 'code_account:%'`).length, 0);
});

Deno.test("a pending sign-in lasts ten minutes", async () => {
  await using made = await scene();
  await made.withApp("anne");
  const { session_id } = await made.signIn("anne");
  made.clock.advance({ minutes: 9, seconds: 59 });
  assert.ok(await viewerOfSession(made.vault.sql, session_id, made.clock));
  made.clock.advance({ seconds: 1 });
  assert.equal(await viewerOfSession(made.vault.sql, session_id, made.clock), null);
});

Deno.test("a recovery code opens a sign-in once, however it is typed; new ones end the old", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  const { recovery_codes, id } = await made.withApp("anne");
  const ben = await made.withApp("ben");
  const use = async (code: string) => {
    const { viewer } = await made.signIn("anne");
    return await giveRecoveryCode(vault, viewer, code, CLIENT, contextOf(viewer));
  };
  const { viewer } = await use(recovery_codes[0].toUpperCase().replaceAll("-", " "));
  assert.equal(viewer.stage, "full");
  assert.equal((await factorsOf(vault.sql, id)).recovery_codes_left, 9);
  await assert.rejects(() => use(recovery_codes[0]), coded("factor_failed"), "twice");
  await assert.rejects(() => use(ben.recovery_codes[0]), coded("factor_failed"), "somebody else's");
  await assert.rejects(() => use("000000"), coded("factor_failed"), "the app's codes go elsewhere");
  const fresh = await makeRecoveryCodes(vault.sql, viewer, contextOf(viewer));
  assert.equal((await factorsOf(vault.sql, id)).recovery_codes_left, 10);
  await assert.rejects(() => use(recovery_codes[1]), coded("factor_failed"), "of before");
  await use(fresh[9]);
  const found = await made.rows("auth.use_recovery_code");
  assert.deepEqual(found.map(({ outcome, details }) => [outcome, details.recovery_codes_left ?? null]), [
    ["success", 9],
    ["failure", null],
    ["failure", null],
    ["failure", null],
    ["failure", null],
    ["success", 9],
  ]);
  const [{ found: plain }] = await made.database.sql`
    select bool_or(encode(hash, 'escape') like '%' || ${fresh[0]} || '%') as found from recovery_codes`;
  assert.equal(plain, false);
});

Deno.test("of two requests with the same recovery code at once one gets in", async () => {
  await using made = await scene();
  const { recovery_codes } = await made.withApp("anne");
  const pending = [(await made.signIn("anne")).viewer, (await made.signIn("anne")).viewer];
  const outcomes = await Promise.allSettled(
    pending.map((viewer) => giveRecoveryCode(made.vault, viewer, recovery_codes[3], CLIENT, made.contextOf(viewer))),
  );
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});
