import assert from "node:assert/strict";
import { endSessionsOf } from "../core/auth/end_sessions.ts";
import { openSession } from "../core/auth/sessions.ts";
import { transaction } from "../core/database/connection.ts";
import { sessionBody } from "../routes/(_api)/session_body.ts";
import { changeSetting } from "../core/settings/change_setting.ts";
import { apiSession } from "../testing/api_session.ts";
import { browserClient } from "../testing/browser_client.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { callerContext } from "../testing/job_scenario.ts";
import { type LiveClient, openLive } from "../testing/live_client.ts";
import { assertOnceWithin } from "../testing/once_within.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import { waitFor } from "../testing/wait_for.ts";

const ME = "/api/v1/auth/me";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

const tabs = (site: TestSite, { token, refresh_token }: TestCaller) =>
  browserClient(site.client(), site.origin, `__Host-access=${token}; __Host-session=${refresh_token}`);

async function live(site: TestSite, caller: Pick<TestCaller, "post">): Promise<LiveClient> {
  const { json } = await caller.post("/api/v1/ws/ticket");
  const opened = await openLive(site, json.ticket);
  assert.ok("frames" in opened);
  opened.subscribe({ topic: "hosts" });
  await opened.frame("the subscription", ({ kind }) => kind === "following");
  return opened;
}

/** Another session of somebody who exists, as an API client is given it at the end of signing in. */
async function login(site: TestSite, username: string) {
  const { sql, clock } = site.services;
  const [user] = await sql`select id, username, display_name, role, false as must_change from users
    where username = ${username}`;
  const client = { address: "192.0.2.9", user_agent: "a program" };
  return await sessionBody(site.services, await openSession(sql, user as never, "api", client, clock));
}

Deno.test("an API client signs in, works, refreshes, and is out where its token was copied", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const { username } = await site.signIn("auditor");
  const first = await login(site, username);
  assert.equal(first.token_type, "Bearer");
  assert.equal(first.expires_in, 900);
  const as = (token: string) => site.client({ authorization: `Bearer ${token}` });
  assert.equal((await as(first.access_token).get(ME)).json.username, username);
  assert.equal((await as(first.refresh_token).get(ME)).status, 401, "a refresh token opens nothing");

  clock.advance({ minutes: 15 });
  const ended = await as(first.access_token).get(ME);
  assert.equal(ended.status, 401);
  assert.equal(ended.json.error.code, "session_expired");

  const refresh = (refresh_token: unknown) => site.anonymous.post("/api/v1/auth/refresh", { refresh_token });
  const lost = (await refresh(first.refresh_token)).json;
  const second = (await refresh(first.refresh_token)).json;
  assert.equal(second.refresh_token, lost.refresh_token, "an answer that was lost is given again");
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal((await as(second.access_token).get(ME)).status, 200);
  assert.equal((await refresh(first.refresh_token)).status, 401, "now its successor is in use");
  assert.equal((await as(second.access_token).get(ME)).status, 200, "another thread may have been slow");
  clock.advance({ seconds: 31 });
  assert.equal((await refresh(first.refresh_token)).status, 401);
  assert.equal((await as(second.access_token).get(ME)).status, 401, "now it was a copy");
  assert.equal((await refresh(second.refresh_token)).status, 401);
  for (const wrong of ["", "x", "a".repeat(43), "a".repeat(201), null, 1, {}, [second.refresh_token]]) {
    const { status } = await refresh(wrong);
    assert.ok([400, 401].includes(status), `${status} for ${JSON.stringify(wrong)}`);
  }
  const more = await site.anonymous.post("/api/v1/auth/refresh", {
    refresh_token: second.refresh_token,
    role: "admin",
  });
  assert.equal(more.status, 400, "unknown fields are refused");
  const rows = await site.database.sql`select outcome from audit_log where action = 'session.revoke'`;
  assert.deepEqual(rows.map(({ outcome }) => outcome), ["denied"]);
  for (const { access_token, refresh_token } of [first, second]) {
    const log = site.log_lines.join("\n");
    assert.ok(!log.includes(access_token) && !log.includes(refresh_token), "no token in the log");
  }
});

Deno.test("a program that renews its token in time never notices that one ends", async () => {
  await using site = await testSite();
  const { username } = await site.signIn("auditor");
  const first = await login(site, username);
  const as = (token?: string) => site.client(token ? { authorization: `Bearer ${token}` } : {});
  const program = apiSession(as, { ...first, expires_in: 0 });
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => program.get(ME)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
  const [{ rotation }] = await site.database.sql`select rotation from sessions where id = ${first.session_id}`;
  assert.equal(rotation, 1, "all waited for the same renewal");
});

interface Ending {
  site: TestSite;
  caller: TestCaller;
  /** The same person, signed in elsewhere. */
  owner: HttpClient;
  admin: TestCaller;
}
const ends: [string, (ending: Ending) => Promise<unknown>][] = [
  ["its owner signs out", ({ caller }) => caller.post("/api/v1/auth/logout")],
  [
    "its owner ends it from elsewhere",
    ({ owner, caller }) => owner.delete(`/api/v1/auth/sessions/${caller.session_id}`),
  ],
  ["its owner ends all others", ({ owner }) => owner.delete("/api/v1/auth/sessions")],
  ["an admin ends it", ({ admin, caller }) => admin.delete(`/api/v1/auth/sessions/${caller.session_id}`)],
  [
    "another process ends it",
    ({ site: { database }, caller }) =>
      transaction(
        database.web,
        (tx) => endSessionsOf(tx, caller.user_id, { why: "a test" }, Temporal.Instant.from("2026-11-20T10:00:00Z")),
      ),
  ],
];
for (const kind of ["api", "browser"] as const) {
  for (const [name, end] of ends) {
    Deno.test(`within a second requests and open pages of a session end when ${name} (${kind})`, async () => {
      await using site = await testSite();
      await assertOnceWithin(1_000, name, () => endsAfter(site));
    });

    /** From the end of the act until nothing of the session goes on, in milliseconds. */
    const endsAfter = async (site: TestSite): Promise<number> => {
      const caller = await site.signIn("operator", { kind });
      const bystander = await site.signIn("operator", { kind });
      const admin = await site.signIn("admin");
      const { access_token } = await login(site, caller.username);
      const owner = site.client({ authorization: `Bearer ${access_token}` });
      using page = await live(site, caller);
      using others = await live(site, bystander);
      let closed = false;
      others.closed.then(() => closed = true);
      assert.equal((await caller.get(ME)).status, 200);
      await end({ site, caller, owner, admin });
      const began = performance.now();
      assert.equal(await page.closed, 4401);
      await waitFor("the access token to be refused", async () => (await caller.get(ME)).status === 401);
      const took = performance.now() - began;
      assert.equal((await bystander.get(ME)).status, 200);
      assert.equal(closed, false);
      return took;
    };
  }
}

Deno.test("while no end of a session can be heard, none is overheard: every request asks", async () => {
  await using site = await testSite();
  const caller = await site.signIn("operator");
  assert.equal((await caller.get(ME)).status, 200);
  const { sql } = site.database;
  // Who is there stays, nobody comes anew: the listener stays away.
  await sql.unsafe(`alter database ${site.database.name} connection limit 0`);
  try {
    const ended = await site.database.web`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = 'patch_web' and query like 'listen%'`;
    assert.equal(ended.length, 1);
    await waitFor("the connection to be missed", () => !site.services.sessions.hears());
    await sql`update sessions set revoked_at = app_now() where user_id = ${caller.user_id}`;
    assert.equal((await caller.get(ME)).status, 401);
  } finally {
    await sql.unsafe(`alter database ${site.database.name} connection limit -1`);
  }
  await waitFor("it to be there again", () => site.services.sessions.hears());
});

Deno.test("one's own sessions: listed, this one marked, another's end where one is, nobody else's", async () => {
  await using site = await testSite();
  const caller = await site.signIn("auditor");
  const stranger = await site.signIn("operator");
  const second = await login(site, caller.username);
  const { json } = await caller.get("/api/v1/auth/sessions");
  assert.deepEqual(
    new Map(json.items.map(({ id, current }: { id: string; current: boolean }) => [id, current])),
    new Map([[caller.session_id, true], [second.session_id, false]]),
  );
  assert.ok(!JSON.stringify(json).includes(caller.token) && !/hash|token/.test(JSON.stringify(json)));
  for (const id of [stranger.session_id, "0190a000-0000-7000-8000-000000000000"]) {
    const { status, json } = await caller.delete(`/api/v1/auth/sessions/${id}`);
    assert.equal(status, 404, "as if it did not exist");
    assert.equal(json.error.code, "session_not_found");
  }
  assert.equal((await caller.delete("/api/v1/auth/sessions/x")).status, 400);
  assert.equal((await stranger.get(ME)).status, 200);
  assert.equal((await caller.delete(`/api/v1/auth/sessions/${second.session_id}`)).status, 200);
  assert.equal((await caller.delete(`/api/v1/auth/sessions/${second.session_id}`)).status, 404, "once");
});

Deno.test("an admin ends anybody's session, after proving of late who they are", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const caller = await site.signIn("operator");
  const admin = await site.signIn("admin");
  clock.advance({ minutes: 11 });
  const late = await admin.delete(`/api/v1/auth/sessions/${caller.session_id}`);
  assert.equal(late.status, 403);
  assert.equal(late.json.error.code, "confirmation_required");
  assert.equal((await caller.get(ME)).status, 200);
});

Deno.test("a new password gives new tokens, and the old ones are worth nothing", async () => {
  await using site = await testSite();
  const caller = await site.signIn("operator", { must_change: true });
  const { status, json } = await caller.post("/api/v1/auth/password", {
    current_password: TEST_PASSWORD,
    new_password: "meadow-copper-thirteen-owls",
  });
  assert.equal(status, 200);
  assert.notEqual(json.session_id, caller.session_id);
  assert.equal((await caller.get(ME)).status, 401);
  const { json: me } = await site.client({ authorization: `Bearer ${json.access_token}` }).get(ME);
  assert.equal(me.must_change_password, false, "also in what the token says");
});

Deno.test("use is written down to the minute, though access tokens spare the database", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const caller = await site.signIn("operator", { kind: "browser" });
  const browser = tabs(site, caller);
  await changeSetting(
    site.database.web,
    caller.user_id,
    "session.idle_minutes",
    5,
    callerContext({ id: caller.user_id }),
  );
  for (let minute = 0; minute < 12; minute++) {
    clock.advance({ seconds: 55 });
    assert.equal((await browser.get(ME)).status, 200);
  }
  clock.advance({ seconds: 5 * 60 - 65 });
  assert.equal((await browser.get(ME)).status, 200, "a minute less than the idle time after the last use");
  clock.advance({ minutes: 5 });
  assert.equal((await browser.get(ME)).status, 401, "and no longer");
});

Deno.test("a page that renews itself keeps no session alive", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const browser = tabs(site, await site.signIn("operator", { kind: "browser" }));
  for (let minute = 0; minute < 59; minute++) {
    clock.advance({ minutes: 1 });
    assert.equal((await browser.get("/dashboard", { "x-unattended": "1" })).status, 200, `minute ${minute}`);
  }
  clock.advance({ minutes: 1 });
  assert.equal((await browser.get("/dashboard", { "x-unattended": "1" })).status, 303);
});

Deno.test("a wall screen shows the dashboard, follows it, and can do nothing else, for 30 days", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const caller = await site.signIn("admin", { kind: "browser" });
  const browser = tabs(site, caller);
  const form = (path: string, fields: Record<string, string> = {}) =>
    browser.send({ method: "POST", path, headers: FORM, body: new URLSearchParams(fields).toString() });
  for (const name of ["", " ", "x".repeat(101), "Operations\u202eroom", "two\nlines"]) {
    const { status, text } = await form("/profile/wall", { name });
    assert.equal(status, 400, JSON.stringify(name));
    assert.match(text, /The name (is empty|is longer than 100 characters|has characters that cannot be seen)/);
  }
  const made = await form("/profile/wall", { name: "Operations room" });
  assert.equal(made.status, 303);
  assert.equal(made.headers.get("location"), "/dashboard");
  assert.ok(!`${made.headers.get("location")}`.includes("token"));
  assert.equal((await caller.get(ME)).status, 401, "the browser's own session has ended");
  const { status, text } = await browser.get("/dashboard");
  assert.equal(status, 200);
  assert.match(text, /wall screen/);
  assert.doesNotMatch(text, /href="\/profile"/);

  const open = ["GET /", "GET /dashboard", "POST /api/v1/ws/ticket", "POST /logout"];
  for (const { method, pattern, access, kind } of site.site.routeTable()) {
    if (access.role === "anonymous" || access.role === "agent" || kind === "upgrade") continue;
    if (open.includes(`${method} ${pattern}`)) continue;
    const path = pattern.replaceAll(/:(\w+)/g, "0190a000-0000-7000-8000-000000000000");
    const answer = await browser.send({ method, path, headers: FORM, body: method === "GET" ? undefined : "" });
    assert.equal(answer.status, 403, `${method} ${pattern}`);
    assert.match(answer.text, /This is a wall screen/, `${method} ${pattern}`);
  }

  using socket = await live(site, browser);
  socket.subscribe({ topic: `job:0190a000-0000-7000-8000-000000000000` });
  assert.equal(await socket.closed, 4400, "details of jobs are not for the wall");

  for (let day = 0; day < 29; day++) {
    clock.advance({ hours: 24 });
    assert.equal((await browser.get("/dashboard")).status, 200, `day ${day}`);
  }
  const [row] = await site.database.sql`select id from sessions where kind = 'wall'`;
  const owner = await login(site, caller.username);
  const as_owner = site.client({ authorization: `Bearer ${owner.access_token}` });
  const { json } = await as_owner.get("/api/v1/auth/sessions");
  const listed = json.items.find(({ id }: { id: string }) => id === row.id);
  assert.equal(listed.name, "Operations room");
  assert.equal(listed.kind, "wall");
  clock.advance({ hours: 24 });
  assert.equal((await browser.get("/dashboard")).status, 303, "and no longer");
});
