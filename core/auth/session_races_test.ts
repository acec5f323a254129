import assert from "node:assert/strict";
import { waitFor } from "../../testing/wait_for.ts";
import { type Sql, transaction } from "../database/connection.ts";
import type { Tx } from "../database/types.ts";
import { CLIENT, coded, scene } from "./factors/scene_fixture_test.ts";
import { endAccessOf } from "./end_access.ts";
import { hashPassword } from "./password.ts";
import { renewSession } from "./renew_session.ts";
import { openSession } from "./sessions.ts";
import { holdUser, savePassword } from "./store.ts";

/** Runs work in a transaction that stays open until it is let go, or the test is over. */
async function heldOpen<T>(sql: Sql, work: (tx: Tx) => Promise<T>) {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: done, resolve } = Promise.withResolvers<T>();
  const whole = transaction(sql, async (tx) => {
    resolve(await work(tx));
    await gate;
  });
  const commit = () => (letGo(), whole);
  const result = await Promise.race([done, whole.then(() => assert.fail("it ended early"))]);
  return { result, commit, [Symbol.asyncDispose]: commit };
}

/** Until somebody waits for a lock in this database. */
const somebodyWaits = (sql: Sql) =>
  waitFor("somebody to wait for a lock", async () => {
    const [{ n }] = await sql`
      select count(*)::int as n from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where a.datname = current_database() and not l.granted`;
    return n > 0;
  }, { deadline_ms: 120_000 });

type Bed = Awaited<ReturnType<typeof scene>>;

const changes: Record<string, (tx: Tx, id: string, bed: Bed) => Promise<unknown>> = {
  "the password was changed": async (tx, id, { clock }) => {
    await savePassword(tx, id, await hashPassword("other-words-for-it-77"), false, clock.now());
  },
  "the account was disabled": (tx, id, { clock }) => tx`update users set disabled_at = ${clock.now()} where id = ${id}`,
};
for (const [what, change] of Object.entries(changes)) {
  Deno.test(`a sign-in whose password was looked at before ${what} opens nothing after it`, async () => {
    await using bed = await scene();
    const id = await bed.person("ines");
    bed.clock.advance({ minutes: 1 });
    await using changing = await heldOpen(bed.database.sql, async (tx) => {
      await holdUser(tx, id);
      await change(tx, id, bed);
      await endAccessOf(tx, id, { why: what }, bed.clock.now());
    });
    const signing_in = bed.signIn("ines").then(() => "signed in", String);
    await somebodyWaits(bed.database.sql);
    await changing.commit();
    assert.match(await signing_in, /is wrong/);
    const [{ open }] = await bed.database.sql`
      select count(*)::int as open from sessions where user_id = ${id} and revoked_at is null`;
    assert.equal(open, 0);
    assert.deepEqual((await bed.rows("auth.login")).map(({ outcome }) => outcome), ["failure"]);
  });
}

Deno.test("a role that changes while somebody signs in is the role of their session", async () => {
  await using bed = await scene();
  const id = await bed.person("ines");
  await using changing = await heldOpen(bed.database.sql, async (tx) => {
    await holdUser(tx, id);
    await tx`update users set role = 'auditor' where id = ${id}`;
  });
  const signing_in = bed.signIn("ines");
  await somebodyWaits(bed.database.sql);
  await changing.commit();
  assert.equal((await signing_in).viewer.role, "auditor");
});

Deno.test("a session that is just being renewed does not outlive what ends them all", async () => {
  await using bed = await scene();
  const id = await bed.person("ines");
  const viewer = await bed.inside(id, "ines");
  await using renewing = await heldOpen(
    bed.vault.sql,
    (tx) => renewSession(tx, viewer, { proven: ["pwd"] }, CLIENT, bed.clock),
  );
  const ending = transaction(
    bed.vault.sql,
    (tx) => endAccessOf(tx, id, { why: "the password was changed" }, bed.clock.now()),
  );
  await somebodyWaits(bed.database.sql);
  await renewing.commit();
  await ending;
  const [row] = await bed.database.sql`
    select revoked_at is not null as ended from sessions where id = ${renewing.result.session_id}`;
  assert.equal(row.ended, true);
});

Deno.test("who was let in to set up a factor sets up none once somebody else has", async () => {
  await using bed = await scene();
  const id = await bed.person("ines");
  const { viewer } = await bed.signIn("ines");
  assert.equal(viewer.stage, "enrol");
  await bed.setUpApp(viewer);
  // As if its sign-in had been under way while the first one set up the factor.
  const user = { id, username: "ines", display_name: "", role: "operator" as const, must_change: false };
  const proven = { stage: "enrol" as const, methods: ["pwd"] as const };
  const late = await openSession(bed.vault.sql, user, "browser", CLIENT, bed.clock, proven);
  await assert.rejects(() => bed.setUpApp(late.viewer), coded("session_expired"));
  await assert.rejects(() => bed.setUpPasskey(late.viewer), coded("session_expired"));
  const [{ factors }] = await bed.database.sql`
    select (select count(*)::int from totp_secrets) + (select count(*)::int from passkeys) as factors`;
  assert.equal(factors, 1);
  assert.equal((await bed.vault.sql`select from sessions where user_id = ${id} and stage = 'full'`).length, 1);
});
