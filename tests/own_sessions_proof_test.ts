import assert from "node:assert/strict";
import { openSession } from "../core/auth/sessions.ts";
import { browserClient } from "../testing/browser_client.ts";
import { giveApp } from "../testing/factors.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import { assertSays } from "./pages/words.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** Somebody whose last proof is eleven minutes old, with two sessions elsewhere. */
async function longSignedIn(site: TestSite, clock: ReturnType<typeof fakeClock>, kind: "browser" | "api") {
  const caller = await site.signIn("operator", { kind });
  const app = await giveApp(site.services, caller.user_id, clock);
  const user = {
    id: caller.user_id,
    username: caller.username,
    display_name: "",
    role: "operator",
    must_change: false,
  };
  const from = { address: "198.51.100.7", user_agent: "a stranger" };
  const open = async () => (await openSession(site.services.sql, user as never, "browser", from, clock)).session_id;
  const stolen = await open(), forgotten = await open();
  clock.advance({ minutes: 11 });
  return { caller, app, stolen, forgotten };
}

const openSessions = async ({ database }: TestSite, { user_id }: TestCaller) =>
  (await database.sql`select id from sessions where user_id = ${user_id} and revoked_at is null`).map(({ id }) => id);

/** What a browser would send for the form of a page that leads there. */
function fieldsOf(html: string, action: string): [string, string][] {
  const form = new RegExp(`<form[^>]*action="${action}"(?:(?!</form>)[\\s\\S])*</form>`).exec(html)?.[0];
  assert.ok(form, `no form for ${action}`);
  const plain = (text: string) => text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
  return [...form.matchAll(/<input type="hidden" name="([^"]*)" value(?:="([^"]*)")?/g)]
    .map(([_, name, value = ""]) => [name, plain(value)]);
}

for (const which of ["one", "all others"] as const) {
  Deno.test(`ending ${which} of one's own sessions on the profile asks who one is, and then does it`, async () => {
    const clock = fakeClock();
    await using site = await testSite({ clock });
    const { caller, app, stolen, forgotten } = await longSignedIn(site, clock, "browser");
    const { token, refresh_token } = caller;
    const cookies = `__Host-access=${token}; __Host-session=${refresh_token}`;
    const browser = browserClient(site.client(), site.origin, cookies);
    const submit = (path: string, fields: [string, string][]) =>
      browser.send({
        method: "POST",
        path,
        headers: { ...FORM, referer: `${site.origin}/profile` },
        body: new URLSearchParams(fields).toString(),
      });
    const to = which === "one" ? "/profile/end-session" : "/profile/end-others";
    const asked = await submit(to, which === "one" ? [["session", stolen]] : []);
    assert.equal(asked.status, 403);
    assertSays(asked.text, /What you entered is kept/);
    assertSays(asked.text, /<a [^>]*href="\/profile"[^>]*>\s*Back without doing it/);
    assert.equal((await openSessions(site, caller)).length, 3, "whoever found the window open ends nothing");

    const known = fieldsOf(asked.text, "/confirm");
    const wrong = await submit("/confirm", [...known, ["password", "not the password"], ["code", app.code()]]);
    assertSays(wrong.text, /Password or code is wrong/);
    const proof: [string, string][] = [["password", TEST_PASSWORD], ["code", app.code()]];
    const confirmed = await submit("/confirm", [...fieldsOf(wrong.text, "/confirm"), ...proof]);
    assertSays(confirmed.text, /Do now what I asked for/);
    const done = await submit(to, fieldsOf(confirmed.text, to));
    assert.deepEqual([done.status, done.headers.get("location")], [303, "/profile"]);
    const left = await openSessions(site, caller);
    assert.ok(!left.includes(stolen));
    assert.equal(left.includes(forgotten), which === "one");
    assert.equal((await browser.get("/profile")).status, 200, "one's own goes on");
    // For ten minutes the next ends at once.
    if (which === "one") {
      assert.equal((await submit(to, [["session", forgotten]])).status, 303);
      assert.equal((await openSessions(site, caller)).length, 1);
    }
  });
}

Deno.test("over the API the same; to sign out oneself asks nothing", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const { caller, app, stolen } = await longSignedIn(site, clock, "api");
  for (const path of ["/api/v1/auth/sessions", `/api/v1/auth/sessions/${stolen}`]) {
    const { status, json } = await caller.delete(path);
    assert.deepEqual([status, json.error.code], [403, "confirmation_required"], path);
  }
  assert.equal((await openSessions(site, caller)).length, 3);
  const rows = await site.database.sql`select outcome, actor_id from audit_log where action = 'session.revoke'`;
  assert.deepEqual(rows.map((row) => [row.outcome, row.actor_id]), Array(2).fill(["denied", caller.user_id]));
  const { status, json } = await caller.post("/api/v1/auth/confirm", { password: TEST_PASSWORD, code: app.code() });
  assert.equal(status, 200, JSON.stringify(json));
  const again = site.client({ authorization: `Bearer ${json.access_token}` });
  assert.equal((await again.delete(`/api/v1/auth/sessions/${stolen}`)).status, 200);
  assert.equal((await again.delete("/api/v1/auth/sessions")).json.ended_sessions, 1);
  clock.advance({ minutes: 11 });
  assert.equal((await again.post("/api/v1/auth/logout")).status, 200);
  assert.deepEqual(await openSessions(site, caller), []);
});
