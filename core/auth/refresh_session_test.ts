import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { sessionScene } from "../../testing/session_scene.ts";
import { changeSetting } from "../settings/change_setting.ts";
import { AppError } from "../errors.ts";
import { callerContext } from "../../testing/job_scenario.ts";
import { endSessionsOf } from "./end_sessions.ts";
import { renewSession } from "./renew_session.ts";
import { deleteEndedSessions, viewerOfSession } from "./sessions.ts";
import { markSeen } from "./session_store.ts";
import type { Refreshed } from "./refresh_session.ts";
import { transaction } from "../database/connection.ts";

/** What was handed out. */
function given(answer: Refreshed) {
  assert.ok(answer.opened, JSON.stringify(answer));
  return answer.opened;
}
const why = (answer: Refreshed) => answer.viewer === null ? answer.why : "good";

for (const token of ["", "x", "a".repeat(43), "a".repeat(10_000), "../../etc/passwd", "ä".repeat(43)]) {
  Deno.test(`no token: ${token.slice(0, 20)}`, async () => {
    await using database = await testDatabase();
    const { refresh } = await sessionScene(database);
    assert.equal(why(await refresh(token)), "unknown");
  });
}

Deno.test("each use hands out a new token, numbered, and nothing of it lies open in the database", async () => {
  await using database = await testDatabase();
  const { open, refresh } = await sessionScene(database);
  const first = await open();
  const second = given(await refresh(first.token));
  const third = given(await refresh(second.token));
  assert.equal(new Set([first.token, second.token, third.token]).size, 3);
  assert.deepEqual([first.rotation, second.rotation, third.rotation], [0, 1, 2]);
  assert.equal(third.session_id, first.session_id);
  const dump = JSON.stringify(await database.sql`select s::text from sessions s`);
  for (const { token } of [first, second, third]) {
    const bytes = new TextEncoder().encode(token).toHex();
    assert.ok(!dump.includes(token) && !dump.includes(bytes));
  }
});

Deno.test("tabs that ask at the same moment are handed the same token", async () => {
  await using database = await testDatabase();
  const { open, refresh } = await sessionScene(database);
  const { token } = await open();
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(token)));
  assert.equal(new Set(answers.map((answer) => given(answer).token)).size, 1);
  assert.equal(new Set(answers.map((answer) => given(answer).rotation)).size, 1);
});

Deno.test("an answer that was lost is given again, however late, with the same token", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh } = await sessionScene(database);
  const { token } = await open();
  const lost = given(await refresh(token));
  clock.advance({ minutes: 25 });
  const again = given(await refresh(token));
  assert.equal(again.token, lost.token);
  clock.advance({ minutes: 25 });
  assert.equal(given(await refresh(again.token)).rotation, 2, "and it is good");
});

for (const seen of ["its access token was used", "it was exchanged itself"]) {
  Deno.test(`a token whose successor was seen is honoured for 30 s and then ends the family: ${seen}`, async () => {
    await using database = await testDatabase();
    const { clock, open, refresh, user_id } = await sessionScene(database);
    const first = await open();
    const second = given(await refresh(first.token));
    let last = second;
    if (seen === "it was exchanged itself") {
      last = given(await refresh(second.token));
    } else {
      await markSeen(database.web, second.session_id, second.rotation);
      const { viewer, opened } = await refresh(first.token);
      assert.ok(viewer && opened === null, "the other tab's request passes, and nothing is handed out");
      clock.advance({ seconds: 31 });
    }
    const other = await open();
    const from = { address: "198.51.100.9", request_id: "01KAH0000000000000000000AA" };
    const answers = await Promise.all([1, 2, 3].map(() => refresh(first.token, "browser", from)));
    assert.deepEqual(answers.map(why), ["reused", "reused", "reused"]);
    const rows = await database.sql`
      select actor_kind, actor_id, address, request_id, object_id, outcome from audit_log
      where action = 'session.revoke'`;
    assert.deepEqual(rows.map((row) => ({ ...row })), [
      { actor_kind: "anonymous", actor_id: null, ...from, object_id: user_id, outcome: "denied" },
    ], "one row, and it says where the old token came from");
    assert.equal(why(await refresh(last.token)), "reused", "the owner is told as well");
    assert.equal(why(await refresh(other.token)), "good", "another login of the same person is another family");
  });
}

Deno.test("a token of long ago ends the family too, and one of nobody ends nothing", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh } = await sessionScene(database);
  const first = await open();
  let { token } = first;
  for (let n = 0; n < 5; n++) {
    clock.advance({ minutes: 15 });
    token = given(await refresh(token)).token;
  }
  assert.equal(why(await refresh("b".repeat(43))), "unknown");
  assert.equal(why(await refresh(first.token, "api")), "unknown", "what is no such token is not asked after");
  assert.equal(why(await refresh(first.token)), "reused");
  assert.equal(why(await refresh(token)), "reused");
});

Deno.test("whoever of owner and thief comes second is noticed, and both are out", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh } = await sessionScene(database);
  const { token } = await open();
  const taken = given(await refresh(token));
  await markSeen(database.web, taken.session_id, taken.rotation);
  clock.advance({ minutes: 16 });
  assert.equal(why(await refresh(token)), "reused");
  assert.equal(why(await refresh(taken.token)), "reused");
});

Deno.test("a token that was sealed with another key is not given again; its session ends like any other", async () => {
  await using database = await testDatabase();
  const here = await sessionScene(database);
  const { token } = await here.open();
  const lost = given(await here.refresh(token));
  await database.sql`update sessions set sealed_token = '\\x00' where id = ${lost.session_id}`;
  const { viewer, opened } = await here.refresh(token);
  assert.ok(viewer && opened === null);
  here.clock.advance({ seconds: 31 });
  assert.equal(why(await here.refresh(token)), "reused");
});

Deno.test("an idle session ends after the minutes of the setting, a busy one after a day", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh, user_id } = await sessionScene(database);
  const idle = await open();
  clock.advance({ minutes: 59, seconds: 59 });
  let { token } = given(await refresh(idle.token));
  clock.advance({ minutes: 60 });
  assert.equal(why(await refresh(token)), "expired");

  const set = (minutes: number) =>
    changeSetting(
      database.web,
      user_id,
      "session.idle_minutes",
      minutes,
      callerContext({ id: user_id }),
    );
  ({ token } = await open());
  clock.advance({ minutes: 6 });
  await set(5);
  assert.equal(why(await refresh(token)), "expired", "a shorter time counts at once");
  await set(60);

  const busy = await open();
  ({ token } = busy);
  for (let minutes = 0; minutes < 23.5 * 60; minutes += 30) {
    clock.advance({ minutes: 30 });
    token = given(await refresh(token)).token;
  }
  clock.advance({ minutes: 31 });
  assert.equal(why(await refresh(token)), "expired");
  assert.equal(await viewerOfSession(database.web, busy.session_id, clock), null);
  clock.advance({ hours: 9 * 24 });
  assert.equal(await deleteEndedSessions(database.web, clock), 3);
});

Deno.test("what a page asks for by itself keeps no session alive", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh } = await sessionScene(database);
  let { token } = await open();
  for (let n = 0; n < 5; n++) {
    clock.advance({ minutes: 11 });
    const opened = given(await refresh(token, "browser", { attended: false }));
    token = opened.token;
  }
  clock.advance({ minutes: 6 });
  assert.equal(why(await refresh(token, "browser", { attended: false })), "expired");
});

Deno.test("a wall screen's session is not idle, and one that waits for the second factor ends after ten minutes", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh } = await sessionScene(database);
  const wall = await open("wall");
  const pending = await open("browser", "factor");
  clock.advance({ minutes: 10 });
  assert.equal(why(await refresh(pending.token)), "expired");
  clock.advance({ hours: 20 });
  assert.ok(given(await refresh(wall.token, "wall")));
});

Deno.test("a browser's token is no API client's and the other way round", async () => {
  await using database = await testDatabase();
  const { open, refresh } = await sessionScene(database);
  const browser = await open("browser");
  const api = await open("api");
  assert.equal(why(await refresh(browser.token, "api")), "unknown");
  assert.equal(why(await refresh(api.token, "browser")), "unknown");
  assert.equal(why(await refresh(browser.token, "browser")), "good");
});

Deno.test("ending all sessions of a user ends theirs and nobody else's, whatever way they were opened", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh, user_id } = await sessionScene(database);
  const somebody = await sessionScene(database);
  const [kept, api, wall] = [await open(), await open("api"), await open("wall")];
  const stranger = await somebody.open();
  const ended = await transaction(
    database.web,
    (tx) => endSessionsOf(tx, user_id, { except: kept.session_id, why: "the role was changed" }, clock.now()),
  );
  assert.deepEqual(new Set(ended), new Set([api.session_id, wall.session_id]));
  assert.equal(why(await refresh(api.token, "api")), "revoked");
  assert.equal(why(await refresh(wall.token, "wall")), "revoked");
  assert.equal(why(await refresh(kept.token)), "good");
  assert.equal(why(await somebody.refresh(stranger.token)), "good");
});

Deno.test("a renewed session has new ids and tokens, the rights of now, and takes the old one's place once", async () => {
  await using database = await testDatabase();
  const { clock, open, refresh, user_id } = await sessionScene(database);
  const old = await open("browser", "factor");
  const client = { address: "192.0.2.7", user_agent: null };
  await database.sql`update users set role = 'auditor' where id = ${user_id}`;
  clock.advance({ minutes: 2 });
  const renew = () =>
    transaction(
      database.web,
      (tx) => renewSession(tx, old.viewer, { stage: "full", proven: ["otp"] }, client, clock),
    );
  const answers = await Promise.allSettled([renew(), renew(), renew()]);
  const renewed = answers.filter((answer) => answer.status === "fulfilled").map(({ value }) => value);
  assert.equal(renewed.length, 1);
  for (const answer of answers) {
    if (answer.status === "rejected") assert.ok(answer.reason instanceof AppError && answer.reason.status === 401);
  }
  const [fresh] = renewed;
  assert.notEqual(fresh.session_id, old.session_id);
  assert.notEqual(fresh.token, old.token);
  assert.equal(fresh.viewer.role, "auditor");
  assert.equal(fresh.viewer.stage, "full");
  assert.equal(fresh.viewer.authenticated_at.epochMilliseconds, clock.now().epochMilliseconds);
  assert.equal(why(await refresh(old.token)), "revoked");
  assert.equal(why(await refresh(fresh.token)), "good");
  const [{ methods }] = await database.sql`select methods from sessions where id = ${fresh.session_id}`;
  assert.deepEqual(methods, ["pwd", "otp"]);
  const kept = await transaction(database.web, (tx) => renewSession(tx, fresh.viewer, {}, client, clock));
  assert.equal(kept.expires_at.epochMilliseconds, fresh.expires_at.epochMilliseconds, "no proof, no longer life");
  assert.equal(kept.viewer.authenticated_at.epochMilliseconds, fresh.viewer.authenticated_at.epochMilliseconds);
});
