import assert from "node:assert/strict";
import type { Deviation, TestPasskey } from "../../../testing/passkey.ts";
import { testPasskey } from "../../../testing/passkey.ts";
import type { Viewer } from "../types.ts";
import { askNewPasskey, askPasskey } from "./ask_passkey.ts";
import { confirmWithPasskey } from "./confirm_identity.ts";
import { enrolPasskey } from "./enrol_passkey.ts";
import { givePasskey } from "./give_factor.ts";
import { factorsOf } from "./list_factors.ts";
import { loginWithPasskey } from "./login_with_passkey.ts";
import { CLIENT, coded, ORIGIN, PARTY, scene } from "./scene_fixture_test.ts";
import { type Assertion, PasskeyName } from "./types.ts";

type Scene = Awaited<ReturnType<typeof scene>>;

const ask = ({ vault, contextOf }: Scene, viewer: Viewer | null, address?: string) =>
  askPasskey(vault.sql, viewer, PARTY, contextOf(viewer, address));

function alone({ vault, contextOf }: Scene, answer: Assertion, address?: string) {
  const { actor: _, ...context } = contextOf(null, address);
  return loginWithPasskey(vault.sql, answer, PARTY, "browser", CLIENT, context);
}

const second = ({ vault, contextOf }: Scene, viewer: Viewer, answer: Assertion) =>
  givePasskey(vault, viewer, answer, PARTY, CLIENT, contextOf(viewer));

Deno.test("a passkey is set up, signs in alone, and finishes a sign-in with the password", async () => {
  await using made = await scene();
  const id = await made.person("anne");
  const { passkey, opened, recovery_codes } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  assert.equal(opened!.viewer.stage, "full");
  assert.equal(recovery_codes!.length, 10);
  const direct = await alone(made, passkey.answer(await ask(made, null)));
  assert.equal(direct.viewer.id, id);
  assert.equal(direct.viewer.stage, "full");
  const pending = (await made.signIn("anne")).viewer;
  assert.equal(pending.stage, "factor");
  const options = await ask(made, pending);
  assert.deepEqual(options.allowCredentials?.map((one) => one.id), [passkey.id]);
  const whole = await second(made, pending, passkey.answer(options));
  const methods = await made.database.sql`
    select methods from sessions where id in (${direct.session_id}, ${whole.session_id}) order by created_at, id`;
  assert.deepEqual(methods.map((row) => row.methods.sort()).sort(), [["hwk", "pwd", "user"], ["hwk", "user"]]);
  const [{ last_used_at, verifies_user }] = (await factorsOf(made.vault.sql, id)).passkeys;
  assert.equal(String(last_used_at), String(made.clock.now()));
  assert.equal(verifies_user, true);
  assert.deepEqual((await made.rows("auth.login")).at(-2)!.details.passkey, "Blue key");
});

/** What goes wrong on the way, and what the row says of it. */
const WRONG: [string, Deviation, RegExp][] = [
  ["another site's page", { origin: "https://evil.example" }, /origin/],
  ["the same name on another port", { origin: "https://patch.example.org" }, /origin/],
  ["another relying party", { rp_id: "evil.example" }, /RP ID/],
  ["a key that was never registered", { foreign_key: true }, /signature does not hold/],
  ["nobody touched it", { present: false }, /not present/],
  ["a question of its own", { challenge: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, /not asked here/],
];

Deno.test("whatever is wrong with an answer, nobody gets in, the words are the same, and the row knows why", async () => {
  await using made = await scene();
  await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  for (const [what, deviation, reason] of WRONG) {
    await assert.rejects(async () => alone(made, passkey.answer(await ask(made, null), deviation)), (thrown) => {
      assert.ok(coded("passkey_refused")(thrown), what);
      return true;
    });
    const row = (await made.rows("auth.login")).at(-1)!;
    assert.equal(row.outcome, "failure", what);
    assert.match(row.details.reason, reason, what);
    const pending = (await made.signIn("anne")).viewer;
    await assert.rejects(
      async () => second(made, pending, passkey.answer(await ask(made, pending), deviation)),
      coded("passkey_refused"),
      what,
    );
  }
  const stranger = testPasskey(ORIGIN);
  await assert.rejects(async () => alone(made, stranger.answer(await ask(made, null))), coded("passkey_refused"));
});

Deno.test("a question is good once, for five minutes, and only for whom and what it was asked", async () => {
  await using made = await scene();
  for (const name of ["anne", "ben"]) await made.person(name);
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  const ben = await made.setUpPasskey((await made.signIn("ben")).viewer);
  const answer = passkey.answer(await ask(made, null));
  await alone(made, answer);
  await assert.rejects(() => alone(made, answer), coded("passkey_refused"), "twice");

  const options = await ask(made, null);
  await assert.rejects(() => alone(made, passkey.answer(options, { foreign_key: true })));
  await assert.rejects(
    () => alone(made, passkey.answer(options)),
    coded("passkey_refused"),
    "a failure uses it up too",
  );

  const old = await ask(made, null);
  made.clock.advance({ minutes: 5 });
  await assert.rejects(() => alone(made, passkey.answer(old)), coded("passkey_refused"), "too old");

  const anne1 = (await made.signIn("anne")).viewer, anne2 = (await made.signIn("anne")).viewer;
  const foreign: [string, () => Promise<unknown>][] = [
    ["of another session", async () => second(made, anne2, passkey.answer(await ask(made, anne1)))],
    ["of a sign-in without a name", async () => second(made, anne1, passkey.answer(await ask(made, null)))],
    ["of a second factor, for a sign-in alone", async () => alone(made, passkey.answer(await ask(made, anne1)))],
    ["another user's passkey", async () => second(made, anne1, ben.passkey.answer(await ask(made, anne1)))],
    ["of a registration", async () => {
      const viewer = await made.inside(anne1.id, "anne");
      const asked = await askNewPasskey(made.vault.sql, viewer, PARTY, made.contextOf(viewer));
      return await alone(made, passkey.answer(asked));
    }],
  ];
  for (const [what, attempt] of foreign) await assert.rejects(attempt, coded("passkey_refused"), what);
});

Deno.test("a counter that goes back is a copy: refused, and a row says so; one that never counts is fine", async () => {
  await using made = await scene();
  await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  const answer = async (counter: number) => alone(made, passkey.answer(await ask(made, null), { counter }));
  await answer(0);
  await answer(0);
  await answer(7);
  for (const counter of [7, 6, 0]) await assert.rejects(() => answer(counter), coded("passkey_refused"));
  assert.match((await made.rows("auth.login")).at(-1)!.details.reason, /went back from 7 to 0/);
  await answer(8);
});

Deno.test("of two uses of one answer at once one gets in", async () => {
  await using made = await scene();
  await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  const answer = passkey.answer(await ask(made, null));
  const outcomes = await Promise.allSettled([alone(made, answer), alone(made, answer)]);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("a key that does not know who holds it is a second factor, and never stands alone", async () => {
  await using made = await scene();
  const id = await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer, { verifies: false });
  await assert.rejects(async () => alone(made, passkey.answer(await ask(made, null))), coded("passkey_refused"));
  const pending = (await made.signIn("anne")).viewer;
  assert.equal((await second(made, pending, passkey.answer(await ask(made, pending)))).viewer.id, id);
});

Deno.test("a disabled account's passkey opens nothing", async () => {
  await using made = await scene();
  await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  await made.database.sql`update users set disabled_at = ${made.clock.now()}`;
  await assert.rejects(async () => alone(made, passkey.answer(await ask(made, null))), coded("passkey_refused"));
});

Deno.test("registering: the wrong answers, the same passkey twice, and too many", async () => {
  await using made = await scene();
  const id = await made.person("anne");
  const viewer = await made.inside(id, "anne");
  const register = async (passkey: TestPasskey, deviation?: Deviation) => {
    const asked = await askNewPasskey(made.vault.sql, viewer, PARTY, made.contextOf(viewer));
    const given = { name: "Key", response: passkey.register(asked, deviation) };
    return await enrolPasskey(made.vault.sql, viewer, given, PARTY, CLIENT, made.contextOf(viewer));
  };
  for (const [what, deviation] of WRONG.filter(([, { foreign_key }]) => !foreign_key)) {
    await assert.rejects(() => register(testPasskey(ORIGIN), deviation), coded("passkey_refused"), what);
  }
  const passkey = testPasskey(ORIGIN);
  await register(passkey);
  await assert.rejects(() => register(passkey), coded("passkey_exists"));
  const ben = await made.inside(await made.person("ben"), "ben");
  const asked = await askNewPasskey(made.vault.sql, ben, PARTY, made.contextOf(ben));
  const taken = { name: "Mine now", response: passkey.register(asked) };
  await assert.rejects(
    () => enrolPasskey(made.vault.sql, ben, taken, PARTY, CLIENT, made.contextOf(ben)),
    coded("passkey_exists"),
    "somebody else's credential cannot be taken over",
  );
  for (let i = 1; i < 20; i++) await register(testPasskey(ORIGIN));
  await assert.rejects(() => register(testPasskey(ORIGIN)), coded("conflict"));
  assert.equal((await factorsOf(made.vault.sql, id)).passkeys.length, 20);
});

Deno.test("a passkey's name is one line that shows what it is", () => {
  for (const name of ["Blue key", "Schlüssel 2", "مفتاح", "👩\u200d💻"]) assert.equal(PasskeyName.parse(name), name);
  for (const name of ["", "  ", "a\nb", "a\u0007", "a\u202eb", "a\u2028b", "x".repeat(101)]) {
    assert.equal(PasskeyName.safeParse(name).success, false, JSON.stringify(name));
  }
});

Deno.test("nobody fills the table of questions, and nobody is turned away for what others asked", async () => {
  await using made = await scene();
  const id = await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  const viewer = await made.inside(id, "anne");
  const left = async () => (await made.database.sql`select from passkey_challenges`).length;
  const confirming = await ask(made, viewer, "2001:db8:1:2::1");
  const signing_in = await ask(made, null, "2001:db8:1:2::1");
  made.clock.advance({ seconds: 1 });
  await made.database.sql`
    insert into passkey_challenges (hash, purpose, asker, expires_at)
    select sha256(convert_to(n::text, 'UTF8')), 'login', '2001:db8:1:2::/64', ${made.clock.now().add({ minutes: 5 })}
    from generate_series(1, 999) as n`;
  assert.equal(await left(), 1_001, "a session's beside those of the network");
  await ask(made, null, "2001:db8:1:2::9");
  assert.equal(await left(), 1_001, "the oldest of the network went");
  await assert.rejects(() => alone(made, passkey.answer(signing_in), "2001:db8:1:2::1"), coded("passkey_refused"));
  const late = passkey.answer(await ask(made, null, "2001:db8:1:2::1"));
  assert.equal((await alone(made, late, "2001:db8:1:2::1")).viewer.id, id);
  await confirmWithPasskey(
    made.vault,
    viewer,
    passkey.answer(confirming),
    null,
    PARTY,
    CLIENT,
    made.contextOf(viewer),
  );
  made.clock.advance({ minutes: 5, seconds: 1 });
  await ask(made, null, "198.51.100.9");
  assert.equal(await left(), 1, "what is too old is gone");
});

Deno.test("wrong passkeys of one network are slowed down, and keep no right one out", async () => {
  await using made = await scene();
  await made.person("anne");
  const { passkey } = await made.setUpPasskey((await made.signIn("anne")).viewer);
  for (let i = 0; i < 21; i++) {
    const wrong = passkey.answer(await ask(made, null), { foreign_key: true });
    await assert.rejects(() => alone(made, wrong, "198.51.100.9"), coded("passkey_refused"));
  }
  const wrong = passkey.answer(await ask(made, null), { foreign_key: true });
  for (let i = 0; i < 3; i++) {
    await assert.rejects(() => alone(made, wrong, "198.51.100.9"), coded("too_many_requests"));
  }
  assert.equal((await made.rows("auth.login")).filter(({ outcome }) => outcome === "denied").length, 1);
  assert.equal((await made.rows("auth.login")).filter(({ outcome }) => outcome === "failure").length, 21);
  await alone(made, passkey.answer(await ask(made, null)), "198.51.100.9");
});
