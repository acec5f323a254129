import assert from "node:assert/strict";
import { giveApp } from "../testing/factors.ts";
import { signInOnPage } from "../testing/sign_in.ts";
import { openSession } from "../core/auth/sessions.ts";
import { browserClient } from "../testing/browser_client.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { assertOnceWithin } from "../testing/once_within.ts";
import { makeHost } from "../testing/api_examples.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

/** Another session of somebody, with the tokens of its browser. */
async function another(site: TestSite, caller: TestCaller, kind: "browser" | "api" = "browser") {
  const user = {
    id: caller.user_id,
    username: caller.username,
    display_name: "",
    role: "operator",
    must_change: false,
  };
  const client = { address: "198.51.100.7", user_agent: kind === "api" ? "curl/8.14.1" : FIREFOX };
  const opened = await openSession(site.services.sql, user as never, kind, client, site.services.clock);
  const { token } = await site.services.sessions.accessToken(opened);
  return { token, refresh_token: opened.token, session_id: opened.session_id };
}

Deno.test("the profile says where one is signed in, and ends what one chooses", async () => {
  await using site = await testSite();
  const caller = await site.signIn("operator", { kind: "browser" });
  const stranger = await site.signIn("operator", { kind: "browser" });
  assertSays((await caller.get("/profile")).text, /You are signed in here and nowhere else/);
  const firefox = await another(site, caller);
  const curl = await another(site, caller, "api");
  const { text } = await caller.get("/profile");
  assertSays(text, /You are signed in here and in 2 other places/);
  assertSays(text, /Firefox on Linux/);
  assertSays(text, /curl/);
  assertSays(text, /198\.51\.100\.7/);
  assertSays(text, /this one/);
  for (const secret of [caller.token, caller.refresh_token, firefox.token, firefox.refresh_token]) {
    assert.ok(!text.includes(secret));
  }
  const submit = (path: string, fields: [string, string][] = []) =>
    caller.send({
      method: "POST",
      path,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    });
  for (const id of [stranger.session_id, "", "x", "0190a000-0000-7000-8000-000000000000"]) {
    assert.equal((await submit("/profile/end-session", [["session", id]])).status, 404, "as if it did not exist");
  }
  assert.equal((await stranger.get("/profile")).status, 200);
  assert.equal(
    (await submit("/profile/end-session", [["session", curl.session_id]])).headers.get("location"),
    "/profile",
  );
  assertSays((await caller.get("/profile")).text, /in 1 other place\b/);
  await submit("/profile/end-others");
  assertSays((await caller.get("/profile")).text, /nowhere else/);
  const own = await submit("/profile/end-session", [["session", caller.session_id]]);
  assert.equal(own.headers.get("location"), "/login");
  assert.deepEqual(own.headers.getSetCookie().map((cookie) => cookie.split("=")[0]), [
    "__Host-session",
    "__Host-access",
  ]);
  assert.equal((await caller.get("/profile")).status, 303);
});

Deno.test("a page is there again after its access token has ended, without anybody noticing", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const { token, refresh_token } = await site.signIn("operator", { kind: "browser" });
  const cookies = `__Host-access=${token}; __Host-session=${refresh_token}`;
  const browser = browserClient(site.client(), site.origin, cookies);
  clock.advance({ minutes: 20 });
  const { status, text, headers } = await browser.get("/hosts");
  assert.equal(status, 200);
  assertSays(text, /Hosts/);
  assert.equal(headers.getSetCookie().length, 2);
  clock.advance({ minutes: 61 });
  const over = await browser.get("/hosts?q=web");
  assert.equal(over.status, 303);
  assert.equal(over.headers.get("location"), "/login?next=%2Fhosts%3Fq%3Dweb");
});

Deno.test("whoever was copied is told at the login page, and so is a program", async () => {
  const clock = fakeClock();
  await using site = await testSite({ clock });
  const { refresh_token } = await site.signIn("operator", { kind: "browser" });
  const jar = `__Host-session=${refresh_token}`;
  const owner = browserClient(site.client(), site.origin, jar);
  const copy = browserClient(site.client(), site.origin, jar);
  await owner.get("/hosts");
  await owner.get("/hosts");
  clock.advance({ seconds: 31 });
  assert.equal((await copy.get("/hosts")).status, 303);
  for (const browser of [copy, owner]) {
    const { status, text } = await browser.get("/login");
    assert.equal(status, 200);
    assertSays(text, /Your session was ended, because an old copy of it was used/);
  }
  const program = await site.signIn("operator");
  const refresh = () => site.anonymous.post("/api/v1/auth/refresh", { refresh_token: program.refresh_token });
  const { json } = await refresh();
  await site.client({ authorization: `Bearer ${json.access_token}` }).get("/api/v1/auth/me");
  clock.advance({ seconds: 31 });
  const refused = await refresh();
  assert.equal(refused.status, 401);
  assert.equal(refused.json.error.code, "session_expired");
  assert.match(refused.json.error.message, /had been exchanged before/);
});

Deno.test({
  name: "a session that is ended in another window dies within a second, and signing in leads back" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using site = await emptySite();
    const host_id = await makeHost(site);
    const caller = await site.signIn("operator", { kind: "browser" });
    const app = await giveApp(site.services, caller.user_id);
    const browser = await launchBrowser();
    try {
      await using here = await visit(browser, site, { token: caller.token, refresh_token: caller.refresh_token });
      await using windows = new AsyncDisposableStack();
      const path = `/hosts/${host_id}`;
      /** A live page of another session of theirs. */
      const openElsewhere = async () => {
        const opened = windows.use(await visit(browser, site, await another(site, caller)));
        await opened.go(path);
        await opened.page.waitForFunction(() => /^Live$/.test(document.querySelector(".live")?.textContent ?? ""));
        return opened;
      };
      let elsewhere = await openElsewhere();

      await t.step("the profile by keyboard", async () => {
        await here.go("/dashboard");
        await here.page.getByRole("button", { name: caller.username }).click();
        await here.page.getByRole("link", { name: "Profile" }).click();
        await here.page.getByRole("heading", { level: 1 }).waitFor();
        await here.page.waitForURL("**/profile");
        await here.awake();
        await assertAccessible(here, "profile");
        for (const width of [390, 1280, 1920]) {
          await here.page.setViewportSize({ width, height: 800 });
          await assertFits(here, `profile-${width}`);
          if (SHOTS) await here.page.screenshot({ path: `${SHOTS}/profile-sessions-${width}.png` });
        }
        await here.page.setViewportSize({ width: 1280, height: 800 });
      });

      await t.step("it ends there", async () => {
        let tries = 0;
        await assertOnceWithin(1_000, "the page in the other window", async () => {
          if (tries++ > 0) {
            elsewhere = await openElsewhere();
            await here.go("/profile");
          }
          await here.page.getByRole("button", { name: /^End\s*session on Firefox on Linux$/ }).focus();
          const ended = elsewhere.page.waitForURL(/\/login\?next=/).then(() => performance.now());
          const answered = here.page.waitForResponse((answer) => answer.url().endsWith("/profile/end-session"))
            .then(() => performance.now());
          await here.page.keyboard.press("Enter");
          const took = await ended - await answered;
          await here.page.waitForURL("**/profile");
          await here.page.getByText("nowhere else").first().waitFor();
          return took;
        });
      });

      await t.step("signing in leads back to the page", async () => {
        const { page } = elsewhere;
        await signInOnPage(page, { username: caller.username, password: TEST_PASSWORD, app });
        await page.waitForURL(`**${path}`);
        await elsewhere.awake();
      });

      await t.step("a wall screen, from the profile to the dashboard and nowhere else", async () => {
        const { page } = here;
        await here.go("/profile");
        await page.getByRole("link", { name: /Turn this browser/ }).click();
        await page.waitForURL("**/profile/wall");
        await here.awake();
        await page.fill("#name", "Operations room");
        await page.keyboard.press("Enter");
        await page.waitForURL("**/dashboard");
        await here.awake();
        await assertAccessible(here, "wall screen");
        await page.waitForFunction(() => /^Live$/.test(document.querySelector(".live")?.textContent ?? ""));
        for (const width of [390, 1280, 1920]) {
          await page.setViewportSize({ width, height: width === 390 ? 844 : 1_080 });
          await assertFits(here, `wall-${width}`);
          if (SHOTS) await page.screenshot({ path: `${SHOTS}/wall-${width}.png` });
        }
        const answer = await page.goto("/hosts");
        assert.equal(answer?.status(), 403);
        await page.getByText("This is a wall screen").first().waitFor();
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/wall-refused.png` });
        await elsewhere.go("/profile");
        await elsewhere.page.getByText("wall screen Operations room").waitFor();
        if (SHOTS) await elsewhere.page.screenshot({ path: `${SHOTS}/profile-with-wall.png` });
        await page.goto("/dashboard");
        await here.awake();
        await elsewhere.page.getByRole("button", { name: /^Sign out everywhere else/ }).click();
        await page.waitForURL(/\/login\?next=/);
      });
      const expected = /status of 40[13]|WebSocket/;
      assert.deepEqual([...here.problems, ...elsewhere.problems].filter((problem) => !expected.test(problem)), []);
    } finally {
      await browser.close();
    }
  },
});
