import assert from "node:assert/strict";
import { transaction } from "../../database/connection.ts";
import { uuidv7 } from "../../ids.ts";
import { viewerOfSession } from "../sessions.ts";
import type { Viewer } from "../types.ts";
import { askPasskey } from "./ask_passkey.ts";
import { confirmWithCode, confirmWithPasskey } from "./confirm_identity.ts";
import { giveCode } from "./give_factor.ts";
import { factorsOf } from "./list_factors.ts";
import { removeFactor } from "./remove_factor.ts";
import { renamePasskey } from "./rename_passkey.ts";
import { resetFactors } from "./reset_factors.ts";
import { CLIENT, coded, PARTY, PASSWORD, scene } from "./scene_fixture_test.ts";

const NOTHING = "01a1fd45-997f-785d-89ae-7faf93555909";

Deno.test("the last factor stays, another one may go, and both at once leave one", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  const { viewer, id } = await made.withApp("anne");
  const remove = (which: Parameters<typeof removeFactor>[2]) =>
    removeFactor(vault.sql, viewer, which, contextOf(viewer));
  await assert.rejects(() => remove("app"), coded("last_factor"));
  await assert.rejects(() => remove({ passkey: NOTHING }), coded("factor_not_found"));
  await made.setUpPasskey(viewer);
  const [{ id: passkey }] = (await factorsOf(vault.sql, id)).passkeys;
  const both = await Promise.allSettled([remove("app"), remove({ passkey })]);
  assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1);
  const left = await factorsOf(vault.sql, id);
  assert.equal(left.passkeys.length + (left.app ? 1 : 0), 1);
  const outcomes = (await made.rows("auth.remove_factor")).map(({ outcome }) => outcome).sort();
  assert.deepEqual(outcomes, ["failure", "failure", "success"]);
});

Deno.test("another one's passkey can be neither renamed nor removed", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  const anne = await made.withApp("anne"), ben = await made.withApp("ben");
  await made.setUpPasskey(ben.viewer, { name: "Ben's key" });
  const [{ id: passkey }] = (await factorsOf(vault.sql, ben.id)).passkeys;
  await assert.rejects(
    () => removeFactor(vault.sql, anne.viewer, { passkey }, contextOf(anne.viewer)),
    coded("factor_not_found"),
  );
  await assert.rejects(
    () => renamePasskey(vault.sql, anne.viewer, passkey, "Mine", contextOf(anne.viewer)),
    coded("factor_not_found"),
  );
  await assert.rejects(
    () => renamePasskey(vault.sql, ben.viewer, passkey, "  ", contextOf(ben.viewer)),
    coded("validation_failed"),
  );
  await renamePasskey(vault.sql, ben.viewer, passkey, " Red key ", contextOf(ben.viewer));
  assert.equal((await factorsOf(vault.sql, ben.id)).passkeys[0].name, "Red key");
  assert.deepEqual((await made.rows("auth.rename_passkey")).map(({ details }) => details), [
    { passkey: "Red key", before: "Ben's key" },
  ]);
});

Deno.test("adding and removing a factor ends other sessions and API tokens, and the present session goes on", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  const { viewer, id } = await made.withApp("anne");
  const ben = await made.withApp("ben");
  const { sql } = made.database;
  const makeToken = async (user_id: string) => {
    const token_id = uuidv7(clock);
    await sql`
      insert into api_tokens (id, user_id, name, hash, hint, scopes, created_at, expires_at)
      values (${token_id}, ${user_id}, 'nightly', sha256(${token_id}::bytea), 'lpm_abcd', '{read}', ${clock.now()},
        ${clock.now().add({ hours: 24 })})`;
    return token_id;
  };
  const isGood = async (token_id: string) =>
    (await sql`select from api_tokens where id = ${token_id} and revoked_at is null`).length === 1;
  const of_another = await makeToken(ben.id);
  const alive = async (viewer: Viewer) => {
    const [row] = await made.database.sql`select revoked_at from sessions where id = ${viewer.session_id}`;
    return row.revoked_at === null;
  };
  const other = await made.inside(id, "anne");
  const token = await makeToken(id);
  await made.setUpPasskey(viewer);
  assert.equal(await alive(other), false);
  assert.equal(await isGood(token), false);
  const another = await made.inside(id, "anne");
  const next_token = await makeToken(id);
  await removeFactor(vault.sql, viewer, "app", contextOf(viewer));
  assert.equal(await alive(another), false);
  assert.equal(await isGood(next_token), false);
  assert.equal(await isGood(of_another), true, "nobody else is touched");
  assert.ok(await viewerOfSession(vault.sql, viewer.session_id, clock));
});

Deno.test("an app that is set up anew takes the place of the old one, and used steps stay used", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  const { viewer, app, recovery_codes } = await made.withApp("anne");
  const { app: next, opened, recovery_codes: more } = await made.setUpApp(viewer);
  assert.equal(opened, null);
  assert.equal(more, null, "the codes of before stay");
  assert.equal(recovery_codes.length, 10);
  const pending = (await made.signIn("anne")).viewer;
  const give = (code: string) => giveCode(vault, pending, code, CLIENT, contextOf(pending));
  await assert.rejects(() => give(app.code()), coded("factor_failed"), "the old one");
  await give(next.code());
});

Deno.test("a reset takes everything and ends everything, and the next sign-in sets up anew", async () => {
  await using made = await scene();
  const { vault, clock } = made;
  const { viewer, id } = await made.withApp("anne");
  const ben = await made.withApp("ben");
  await made.setUpPasskey(viewer);
  const done = await transaction(vault.sql, (tx) => resetFactors(tx, id, "an admin asked for it", clock));
  assert.deepEqual({ app: done.app, passkeys: done.passkeys, recovery_codes: done.recovery_codes }, {
    app: true,
    passkeys: 1,
    recovery_codes: 10,
  });
  assert.ok(done.ended_sessions >= 1);
  assert.equal(await viewerOfSession(vault.sql, viewer.session_id, clock), null);
  assert.equal((await made.signIn("anne")).viewer.stage, "enrol");
  assert.ok((await factorsOf(vault.sql, ben.id)).app, "nobody else is touched");
  assert.ok(await viewerOfSession(vault.sql, ben.viewer.session_id, clock));
});

Deno.test("confirming: password and code together, in a new session whose proof is fresh", async () => {
  await using made = await scene();
  const { vault, clock, contextOf } = made;
  const { viewer, app, recovery_codes } = await made.withApp("anne");
  clock.advance({ minutes: 20 });
  const confirm = (password: string, code: string) =>
    confirmWithCode(vault, viewer, { password, code }, CLIENT, contextOf(viewer));
  const code = app.code();
  for (const [password, given] of [["wrong", code], [PASSWORD, "000000"], ["wrong", "000000"]]) {
    await assert.rejects(() => confirm(password, given), coded("confirmation_failed"));
  }
  // A wrong password takes no code with it.
  const opened = await confirm(PASSWORD, code);
  assert.equal(String(opened.viewer.authenticated_at), String(clock.now()));
  assert.notEqual(opened.session_id, viewer.session_id);
  assert.equal(await viewerOfSession(vault.sql, viewer.session_id, clock), null);
  assert.deepEqual((await made.rows("auth.confirm")).map(({ outcome, details }) => [outcome, details.reason ?? null]), [
    ["failure", "wrong password"],
    ["failure", "wrong code"],
    ["failure", "wrong password"],
    ["success", null],
  ]);
  await assert.rejects(
    () => confirmWithCode(vault, opened.viewer, { password: PASSWORD, code }, CLIENT, contextOf(opened.viewer)),
    coded("confirmation_failed"),
    "the same code",
  );
  const again = { password: PASSWORD, code: recovery_codes[0] };
  await confirmWithCode(vault, opened.viewer, again, CLIENT, contextOf(opened.viewer));
});

Deno.test("confirming too often: the first that has to wait is a row, the others are not", async () => {
  await using made = await scene();
  const { viewer } = await made.withApp("anne");
  const confirm = (password: string) =>
    confirmWithCode(made.vault, viewer, { password, code: "000000" }, CLIENT, made.contextOf(viewer));
  for (const password of ["wrong", PASSWORD]) {
    for (let i = 0; i < 6; i++) await assert.rejects(() => confirm(password), coded("confirmation_failed"));
    for (let i = 0; i < 3; i++) await assert.rejects(() => confirm(password), coded("too_many_requests"));
    made.clock.advance({ seconds: 2 });
  }
  const outcomes = (await made.rows("auth.confirm")).map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, [...Array(6).fill("failure"), "denied", ...Array(6).fill("failure"), "denied"]);
});

Deno.test("confirming with a passkey: alone when it knows who holds it, else with the password", async () => {
  await using made = await scene();
  const { vault, contextOf } = made;
  let { viewer } = await made.withApp("anne");
  const knowing = (await made.setUpPasskey(viewer, { name: "Knowing" })).passkey;
  const plain = (await made.setUpPasskey(viewer, { verifies: false, name: "Plain" })).passkey;
  const confirm = async (passkey: typeof plain, password: string | null) => {
    const options = await askPasskey(vault.sql, viewer, PARTY, contextOf(viewer));
    return await confirmWithPasskey(vault, viewer, passkey.answer(options), password, PARTY, CLIENT, contextOf(viewer));
  };
  await assert.rejects(() => confirm(plain, null), coded("passkey_refused"));
  await assert.rejects(() => confirm(plain, "wrong"), coded("passkey_refused"));
  await assert.rejects(() => confirm(knowing, "wrong"), coded("passkey_refused"), "what was typed has to be right");
  ({ viewer } = await confirm(plain, PASSWORD));
  ({ viewer } = await confirm(knowing, null));
});
