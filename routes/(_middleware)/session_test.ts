import assert from "node:assert/strict";
import { SessionDesk } from "../../core/auth/session_desk.ts";
import { endSessionsOf } from "../../core/auth/end_sessions.ts";
import { revokeSessions } from "../../core/auth/session_store.ts";
import { viewerOfSession } from "../../core/auth/sessions.ts";
import type { OpenedSession } from "../../core/auth/types.ts";
import { transaction } from "../../core/database/connection.ts";
import { silentLog } from "../../core/log.ts";
import { testDatabase } from "../../testing/database.ts";
import { sessionScene } from "../../testing/session_scene.ts";
import { accessCookie, preferenceCookie, readCookie, THEME_COOKIE } from "../(_role)/cookies.ts";
import type { State } from "../(_role)/state.ts";
import { session } from "./session.ts";

type Context = Parameters<typeof session>[0];

Deno.test("session middleware", async (t) => {
  await using database = await testDatabase();
  const scene = await sessionScene(database);
  const { clock, sealer, open } = scene;
  let statements = 0;
  const sql = new Proxy(database.web, {
    apply: (target, self, args) => (statements++, Reflect.apply(target as never, self, args)),
  });
  const source = { on_revoked: () => () => {}, on_renamed: () => () => {}, connected: () => true };
  const sessions = new SessionDesk({ sql, sealer, clock, log: silentLog });
  await sessions.start(source);
  const access = async (opened: OpenedSession) => (await sessions.accessToken(opened)).token;
  const both = async (opened: OpenedSession) => `__Host-access=${await access(opened)}; __Host-session=${opened.token}`;

  /** Sends a request through; the state that the handler saw, and the answer. */
  async function pass(
    headers: Record<string, string>,
    answer: Response | (() => Promise<Response>) = new Response(),
    method = "GET",
    path = '/hosts?q="<b>&x=1',
  ) {
    const services = { sql, clock, sessions };
    const state = { services, viewer: null, session_ended: false } as unknown as State;
    let handled = false;
    const given = await session({
      req: { method, headers: new Headers(headers) },
      url: new URL(`https://self.example${path}`),
      state,
      next: () => {
        handled = true;
        return typeof answer === "function" ? answer() : Promise.resolve(answer);
      },
    } as unknown as Context);
    const cookies = given.headers.getSetCookie();
    const value = (name: string) => cookies.map((cookie) => readCookie(cookie, name)).find((found) => found !== null);
    return { state, answer: given, handled, cookies, value };
  }

  await t.step("tokens that are no good leave nobody signed in, and say that a session ended", async () => {
    for (const name of ["__Host-session", "__Host-access"]) {
      for (const value of ["", "short", "A".repeat(43), `${"A".repeat(42)};`, "%00", "a.b.c", "A".repeat(4_000)]) {
        const { state, handled } = await pass({ cookie: `${name}=${value}` });
        assert.equal(state.viewer, null, value);
        assert.equal(state.session_ended, value !== "", value);
        assert.equal(handled, true, "the route decides what that means");
      }
    }
    const { state } = await pass({});
    assert.equal(state.session_ended, false, "who brought nothing has lost nothing");
  });

  await t.step("a cookie's token is no bearer token, and the other way round; a refresh token is neither", async () => {
    const browser = await open("browser");
    const api = await open("api");
    assert.equal((await pass({ authorization: `Bearer ${await access(browser)}` })).state.viewer, null);
    assert.equal((await pass({ authorization: `Bearer ${api.token}` })).state.viewer, null);
    assert.equal((await pass({ authorization: `Bearer ${browser.token}` })).state.viewer, null);
    assert.equal((await pass({ cookie: `__Host-access=${await access(api)}` })).state.viewer, null);
    assert.equal((await pass({ cookie: `__Host-session=${api.token}` })).state.viewer, null);
    assert.equal((await pass({ cookie: `__Host-access=${browser.token}` })).state.viewer, null);
    const { state } = await pass({ cookie: `__Host-access=${await access(browser)}` });
    assert.equal(state.viewer?.session_id, browser.session_id);
    const token = await access(api);
    assert.equal((await pass({ authorization: `Bearer ${token}` })).state.viewer?.session_id, api.session_id);
    for (const header of [`bearer ${token}`, `Bearer  ${token}`, `Bearer ${token} x`, `Bearer ${token},`, "Bearer"]) {
      assert.equal((await pass({ authorization: header })).state.viewer, null, header);
      const { state } = await pass({ authorization: header, cookie: await both(browser) });
      assert.equal(state.viewer, null, "whoever brings a token that is no good is not let in by a cookie");
    }
    const proxied = await pass({ authorization: "Basic cHJveHk6cHJveHk=", cookie: await both(browser) });
    assert.equal(proxied.state.viewer?.session_id, browser.session_id, "a proxy's own password is not ours");
  });

  await t.step("a good access token costs the database nothing, but one note a minute", async () => {
    const cookie = await both(await open());
    await pass({ cookie });
    statements = 0;
    for (let n = 0; n < 20; n++) {
      clock.advance({ seconds: 2 });
      const { state, cookies } = await pass({ cookie });
      assert.ok(state.viewer);
      assert.deepEqual(cookies, []);
    }
    assert.equal(statements, 0);
    clock.advance({ seconds: 21 });
    await Promise.all(Array.from({ length: 10 }, () => pass({ cookie })));
    assert.ok(statements > 0 && statements <= 3, `${statements} statements`);
  });

  await t.step(
    "where it has ended the refresh token is exchanged, on GET too, and the old one ends the session",
    async () => {
      const opened = await open();
      const cookie = await both(opened);
      clock.advance({ minutes: 15 });
      const first = await pass(
        { cookie },
        new Response(null, { headers: { "set-cookie": preferenceCookie(THEME_COOKIE, "dark") } }),
      );
      assert.equal(first.state.viewer?.session_id, opened.session_id);
      assert.equal(first.cookies.length, 3, "beside the handler's own cookie");
      const fresh = first.value("__Host-session");
      assert.ok(fresh && fresh !== opened.token);
      const tab = await pass({ cookie });
      assert.equal(tab.value("__Host-session"), fresh, "another tab is given the same");
      const next = await pass({ cookie: `__Host-access=${tab.value("__Host-access")}; __Host-session=${fresh}` });
      assert.ok(next.state.viewer);
      assert.deepEqual(next.cookies, []);
      const late = await pass({ cookie });
      assert.ok(late.state.viewer, "a request that was under way meanwhile passes");
      assert.deepEqual(late.cookies, [], "and takes nothing away from the browser");
      clock.advance({ seconds: 31 });
      assert.equal((await pass({ cookie })).state.viewer, null, "now it was copied");
      assert.equal((await pass({ cookie: `__Host-session=${fresh}` })).state.viewer, null, "so the family ended");
      const still_good = `__Host-access=${tab.value("__Host-access")}`;
      assert.equal((await pass({ cookie: still_good })).state.viewer, null, "at once, though nobody was told");
    },
  );

  await t.step("a handler that opened or ended a session has the last word", async () => {
    const { token } = await open("browser");
    const own = new Response(null, { headers: { "set-cookie": accessCookie("another", 60) } });
    assert.deepEqual((await pass({ cookie: `__Host-session=${token}` }, own)).cookies, [accessCookie("another", 60)]);
  });

  await t.step("whoever signs in leaves no session behind that the browser had before", async () => {
    for (const with_access of [true, false]) {
      const before = await open();
      const cookie = with_access ? await both(before) : `__Host-session=${before.token}`;
      const other = await open();
      await pass({ cookie }, new Response(null, { headers: { "set-cookie": preferenceCookie(THEME_COOKIE, "dark") } }));
      assert.ok(await viewerOfSession(database.web, before.session_id, clock), "other cookies are no sign-in");
      await pass({ cookie }, new Response(null, { headers: { "set-cookie": accessCookie("another", 60) } }), "POST");
      assert.equal(await viewerOfSession(database.web, before.session_id, clock), null);
      assert.ok(await viewerOfSession(database.web, other.session_id, clock), "of another browser");
    }
  });

  await t.step(
    "a session that was ended is over for its access token, in a process that heard nothing of it too",
    async () => {
      const opened = await open();
      const cookie = await both(opened);
      assert.ok((await pass({ cookie })).state.viewer);
      const at = clock.now();
      await transaction(database.web, (tx) => endSessionsOf(tx, scene.user_id, { why: "a test" }, at));
      assert.ok((await pass({ cookie })).state.viewer, "this test's source tells nobody");
      sessions.revocations.end(opened.session_id);
      const { state } = await pass({ cookie });
      assert.equal(state.viewer, null);
      assert.equal(state.session_ended, true);
    },
  );

  await t.step("what a request ended is over for the next one, before any notification comes", async () => {
    const acting = { cookie: await both(await open()) };
    const ended = await open();
    const other = { cookie: `__Host-access=${await access(ended)}` };
    const end = (status: number) => async () => {
      await transaction(database.web, (tx) => revokeSessions(tx, { id: ended.session_id }, "a test", clock.now()));
      return new Response(null, { status });
    };
    assert.ok((await pass(other)).state.viewer);
    await pass(acting, new Response(null, { status: 422 }), "POST");
    statements = 0;
    assert.ok((await pass(other)).state.viewer);
    assert.equal(statements, 0, "a refusal costs the others nothing");
    await pass(acting, end(303), "POST");
    assert.equal((await pass(other)).state.viewer, null);
    assert.ok((await pass(acting)).state.viewer);

    const half_way = await open();
    const third = { cookie: `__Host-access=${await access(half_way)}` };
    assert.ok((await pass(third)).state.viewer);
    const failing = async () => {
      await transaction(database.web, (tx) => revokeSessions(tx, { id: half_way.session_id }, "a test", clock.now()));
      throw new Error("afterwards");
    };
    await assert.rejects(pass(acting, failing, "DELETE"), /afterwards/);
    assert.equal((await pass(third)).state.viewer, null, "though the request failed");
  });

  await t.step("whoever was given another session is out of the one before at once", async () => {
    const cookie = `__Host-access=${await access(await open())}`;
    await pass({ cookie }, new Response(null, { headers: { "set-cookie": accessCookie("another", 60) } }), "POST");
    statements = 0;
    assert.equal((await pass({ cookie })).state.viewer, null);
    assert.equal(statements, 0, "without asking");
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

  sessions.stop();
});
