import assert from "node:assert/strict";
import { openSession } from "../../core/auth/sessions.ts";
import { addUser } from "../../testing/job_scenario.ts";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { preferenceCookie, SESSION_COOKIE, sessionCookie, THEME_COOKIE } from "../(_role)/cookies.ts";
import type { State } from "../(_role)/state.ts";
import { session } from "./session.ts";

type Context = Parameters<typeof session>[0];

Deno.test("session middleware", async (t) => {
  await using database = await testDatabase();
  const clock = fakeClock("2026-11-20T10:00:00Z");
  await database.setNow(clock.now());
  const user = await addUser(database.sql, "operator");
  const person = { ...user, username: "ines", display_name: "", must_change: false };
  const open = (kind: "browser" | "api") =>
    openSession(database.web, person, kind, { address: null, user_agent: null }, clock);

  /** Sends a request through; the state that the handler saw, and the answer. */
  async function pass(
    headers: Record<string, string>,
    answer = new Response(),
    method = "GET",
    path = '/hosts?q="<b>&x=1',
  ) {
    const state = { services: { sql: database.web, clock }, viewer: null, session_ended: false } as unknown as State;
    let handled = false;
    const given = await session({
      req: { method, headers: new Headers(headers) },
      url: new URL(`https://self.example${path}`),
      state,
      next: () => {
        handled = true;
        return Promise.resolve(answer);
      },
    } as unknown as Context);
    return { state, answer: given, handled, cookies: given.headers.getSetCookie() };
  }

  await t.step("tokens that are no good leave nobody signed in, and say that a session ended", async () => {
    for (const value of ["", "short", "A".repeat(43), `${"A".repeat(42)};`, "%00", "A".repeat(4_000)]) {
      const { state, handled } = await pass({ cookie: `${SESSION_COOKIE}=${value}` });
      assert.equal(state.viewer, null, value);
      assert.equal(state.session_ended, value !== "", value);
      assert.equal(handled, true, "the route decides what that means");
    }
    const { state } = await pass({});
    assert.equal(state.session_ended, false, "who brought nothing has lost nothing");
  });

  await t.step("a cookie's token is no bearer token, and the other way round", async () => {
    const browser = await open("browser");
    const api = await open("api");
    assert.equal((await pass({ authorization: `Bearer ${browser.token}` })).state.viewer, null);
    assert.equal((await pass({ cookie: `${SESSION_COOKIE}=${api.token}` })).state.viewer, null);
    assert.equal(
      (await pass({ cookie: `${SESSION_COOKIE}=${browser.token}` })).state.viewer?.username.length! > 0,
      true,
    );
    assert.equal((await pass({ authorization: `Bearer ${api.token}` })).state.viewer?.session_id, api.session_id);
    for (
      const header of [`bearer ${api.token}`, `Bearer  ${api.token}`, `Basic ${api.token}`, `Bearer ${api.token} x`]
    ) {
      assert.equal((await pass({ authorization: header })).state.viewer, null, header);
    }
  });

  await t.step("an old token is replaced, also when the answer sets another cookie", async () => {
    for (
      const [answer, kept] of [
        [new Response(), 1],
        [new Response(null, { headers: { "set-cookie": preferenceCookie(THEME_COOKIE, "dark") } }), 2],
      ] as const
    ) {
      const { token } = await open("browser");
      assert.deepEqual((await pass({ cookie: `${SESSION_COOKIE}=${token}` })).cookies, [], "a young one is kept");
      clock.advance({ minutes: 6 });
      await database.setNow(clock.now());
      const { cookies } = await pass({ cookie: `${SESSION_COOKIE}=${token}` }, answer);
      assert.equal(cookies.length, kept);
      const fresh = /^__Host-session=([^;]+)/.exec(cookies.at(-1)!)?.[1];
      assert.ok(fresh && fresh !== token, "the last cookie is the new token");
      clock.advance({ seconds: 60 });
      await database.setNow(clock.now());
      assert.ok((await pass({ cookie: `${SESSION_COOKIE}=${fresh}` })).state.viewer, "the new one is good");
      assert.equal((await pass({ cookie: `${SESSION_COOKIE}=${token}` })).state.viewer, null, "the old one was copied");
      assert.equal((await pass({ cookie: `${SESSION_COOKIE}=${fresh}` })).state.viewer, null, "so the family ended");
    }
  });

  await t.step("a handler that opened or ended a session has the last word", async () => {
    const { token } = await open("browser");
    clock.advance({ minutes: 6 });
    await database.setNow(clock.now());
    const own = new Response(null, { headers: { "set-cookie": sessionCookie("another") } });
    assert.deepEqual((await pass({ cookie: `${SESSION_COOKIE}=${token}` }, own)).cookies, [sessionCookie("another")]);
  });

  await t.step("preferences: only what they can be", async () => {
    for (
      const [cookie, theme, hidden] of [
        ["__Host-theme=dark; __Host-rail=collapsed", "dark", true],
        ["__Host-theme=light; __Host-rail=shown", "light", false],
        ['__Host-theme="><script>; __Host-rail=<b>', null, false],
      ] as const
    ) {
      const { state } = await pass({ cookie });
      assert.equal(state.theme, theme);
      assert.equal(state.rail_hidden, hidden);
    }
  });

  await t.step("a link on another site: one page that loads itself again, its address written harmlessly", async () => {
    const foreign = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    const { answer, handled } = await pass(foreign);
    assert.equal(handled, false);
    assert.equal(answer.status, 200);
    const html = await answer.text();
    assert.match(html, /<meta http-equiv="refresh" content="0;url=\/hosts\?q=%22%3Cb%3E&amp;x=1">/);
    for (const path of ["//evil.example/x", "///evil.example/x", "/..//evil.example/x", "/\\\\evil.example/x"]) {
      const { answer } = await pass(foreign, new Response(), "GET", path);
      assert.match(await answer.text(), /content="0;url=\/evil\.example\/x"/, `${path} must not lead to another site`);
    }
    assert.equal((await pass({ ...foreign, "sec-fetch-site": "same-origin" })).handled, true, "the second time");
    assert.equal((await pass(foreign, new Response(), "POST")).handled, true);
    assert.equal((await pass({ ...foreign, "sec-fetch-dest": "iframe" })).handled, true);
    assert.equal((await pass({ ...foreign, "sec-fetch-mode": "cors" })).handled, true);
  });
});
