import assert from "node:assert/strict";
import { fakeClock } from "../testing/fake_clock.ts";
import { giveFactor, makeApiToken } from "../testing/api_tokens.ts";
import { addGroup } from "../testing/job_scenario.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Sends a form as a browser without script does. */
function submit(client: HttpClient, path: string, fields: [string, string][]) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path, body: new URLSearchParams(fields).toString(), headers });
}

const NEW = "/profile/tokens/new";

Deno.test("a token by form: what was typed stays when it is refused; the token is shown once and stands nowhere else", async () => {
  await using site = await testSite();
  const group = await addGroup(site.database.sql);
  const operator = await site.signIn("operator", { kind: "browser", groups: [group] });
  await giveFactor(site, operator.user_id);
  const form = (await operator.get(NEW)).text;
  assertSays(form, /value="job"/);
  assert.doesNotMatch(form, /value="user"|value="allowed_network"/, "scopes above the role are not offered");
  const typed: [string, string][] = [["name", "Nightly"], ["scope", "read"], ["expires_in_days", "7"]];
  for (
    const [more, words] of [
      [[["networks", "10.1.0.0/16\n10.1.2.3/8"]], /Network 2: .*host bits/],
      [[["networks", "10.1"]], /Network 1: .*not complete/],
      [[["networks", ""], ["scope", "user"]], /for admins/],
      [[["networks", ""], ["scope", "audit"], ["group", group]], /cannot be limited to groups/],
    ] as [[string, string][], RegExp][]
  ) {
    const { status, text } = await submit(operator, NEW, [...typed, ...more]);
    assert.equal(status, 400, mainWords(text));
    assertSays(text, words);
    assertSays(text, /value="Nightly"/, "what was typed stays");
    assertSays(text, /No token was made/);
  }
  const made = await submit(operator, NEW, [...typed, ["networks", "127.0.0.0/8, ::1"], ["group", group]]);
  assert.equal(made.status, 200, mainWords(made.text));
  const token = /lpm_[A-Za-z0-9_-]{43}/.exec(made.text)![0];
  assert.equal(made.headers.get("cache-control"), "no-store");
  const list = (await operator.get("/profile/tokens")).text;
  assertSays(list, /Nightly[\s\S]*127\.0\.0\.0\/8, ::1\/128/);
  assert.ok(!list.includes(token) && list.includes(token.slice(0, 8)));
  assert.equal((await site.client({ authorization: `Bearer ${token}` }).get("/api/v1/hosts")).status, 200);

  const [{ id }] = await site.database.sql`select id from api_tokens`;
  const revoked = await submit(operator, `/profile/tokens/${id}/revoke`, [["back", "/profile/tokens"]]);
  assert.deepEqual([revoked.status, revoked.headers.get("location")], [303, "/profile/tokens"]);
  assertSays((await operator.get("/profile/tokens")).text, /Revoked/);
  assert.equal((await site.client({ authorization: `Bearer ${token}` }).get("/api/v1/hosts")).status, 401);
});

Deno.test("on a user's page admins see and end what acts in their name; auditors see it", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  const operator = await site.signIn("operator");
  const path = `/users/${operator.user_id}?tab=tokens`;
  assertSays((await admin.get(path)).text, /No program acts in the name/);
  const { id, client } = await makeApiToken(site, operator.user_id, { scopes: ["read"] });
  assertSays((await auditor.get(path)).text, /test [0-9a-f]{6}/);
  assert.doesNotMatch((await auditor.get(path)).text, /\/revoke"/);
  assertSays((await admin.get(path)).text, new RegExp(`/profile/tokens/${id}/revoke`));
  const revoked = await submit(admin, `/profile/tokens/${id}/revoke`, [["back", path]]);
  assert.deepEqual([revoked.status, revoked.headers.get("location")], [303, path]);
  assert.equal((await client.get("/api/v1/hosts")).status, 401);
  const away = await submit(admin, `/profile/tokens/${id}/revoke`, [["back", "https://evil.example/"]]);
  assert.equal(away.status, 404, "ended before");
});

Deno.test("who has not proven lately who they are is asked before they type, and offered no button that would fail", async () => {
  const clock = fakeClock("2026-11-21T12:00:00Z");
  await using site = await testSite({ clock });
  await site.database.setNow(clock.now());
  const admin = await site.signIn("admin", { kind: "browser" });
  await makeApiToken(site, admin.user_id);
  assertSays((await admin.get("/profile/tokens")).text, /<button[^>]*>[\s\S]*Revoke/);
  assertSays((await admin.get("/settings/addresses")).text, /<textarea/);
  clock.advance({ minutes: 11 });
  await site.database.setNow(clock.now());
  assert.equal((await admin.get(NEW)).headers.get("location"), "/confirm?next=%2Fprofile%2Ftokens%2Fnew");
  const tokens = (await admin.get("/profile/tokens")).text;
  assertSays(tokens, /href="\/confirm\?next=%2Fprofile%2Ftokens"/);
  assert.doesNotMatch(tokens, /\/revoke"/);
  const addresses = (await admin.get("/settings/addresses")).text;
  assertSays(addresses, /href="\/confirm\?next=%2Fsettings%2Faddresses"/);
  assert.doesNotMatch(addresses, /<textarea/);
});

Deno.test("addresses by form: lines with their numbers, what was typed stays, nobody locks themselves out", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  const operator = await site.signIn("operator", { kind: "browser" });
  const PATH = "/settings/addresses";
  for (
    const [networks, status, words] of [
      ["127.0.0.0/8 here\n\n10.1.2.3/16 office", 400, /Line 3: .*host bits/],
      ["127.0.0.0/8\n127.0.0.0/8", 400, /Line 2: .*twice/],
      ["everybody", 400, /Line 1: .*is no network/],
      ["10.1.0.0/16 office", 409, /You come from 127\.0\.0\.1/],
    ] as [string, number, RegExp][]
  ) {
    const answer = await submit(admin, PATH, [["networks", networks]]);
    assert.equal(answer.status, status, mainWords(answer.text));
    assertSays(answer.text, words);
    assertSays(answer.text, /Nothing was changed/);
    assert.ok(answer.text.includes(networks.split("\n").at(-1)!), "what was typed stays");
  }
  const saved = await submit(admin, PATH, [["networks", "127.0.0.1 this machine\r\n2001:DB8::/32\tthe office <b>"]]);
  assert.deepEqual([saved.status, saved.headers.get("location")], [303, `${PATH}?saved`]);
  for (const who of [admin, auditor]) {
    const { text } = await who.get(`${PATH}?saved`);
    assertSays(text, /from 2 networks only/);
    assertSays(text, /2001:db8::\/32[\s\S]*the office &lt;b>/);
  }
  assert.doesNotMatch((await auditor.get(PATH)).text, /<textarea|<form[^>]*settings/);
  assert.equal((await operator.get(PATH)).status, 403);
  assert.equal((await submit(auditor, PATH, [["networks", ""]])).status, 403);
  assert.equal((await submit(admin, PATH, [["networks", ""]])).status, 303);
  assertSays((await admin.get(PATH)).text, /can be used from every address/);
});

Deno.test({
  name: "tokens and addresses in a browser: both themes, three widths, by keyboard, the token copied" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using site = await emptySite();
    const browser = await launchBrowser();
    try {
      const admin = await site.signIn("admin", { kind: "browser" });
      await fill(site, admin.user_id);
      for (const theme of ["light", "dark"] as const) {
        await t.step(theme, async () => {
          await using visitor = await visit(browser, site, { token: admin.token, theme });
          for (
            const [name, path] of [
              ["tokens", "/profile/tokens"],
              ["user-tokens", `/users/${admin.user_id}?tab=tokens`],
              ["token-new", NEW],
              [
                "addresses",
                "/settings/addresses",
              ],
            ]
          ) {
            await visitor.go(path);
            for (const width of [1280, 390, 1920]) {
              await visitor.page.setViewportSize({ width, height: 800 });
              if (SHOTS) {
                await visitor.page.screenshot({ path: `${SHOTS}/${name}-${theme}-${width}.png`, fullPage: true });
              }
              await assertFits(visitor, `${name} ${theme} ${width}`);
              if (width !== 1920) await assertAccessible(visitor, `${name} ${theme} ${width}`);
            }
            await visitor.page.setViewportSize({ width: 1280, height: 800 });
          }
          assert.deepEqual(visitor.problems, []);
        });
      }
      await t.step("a journey by keyboard", async () => {
        await using visitor = await visit(browser, site, { token: admin.token });
        await visitor.context.grantPermissions(["clipboard-read", "clipboard-write"]);
        const { page } = visitor;
        await visitor.go("/profile/tokens");
        await page.getByRole("link", { name: "New token" }).press("Enter");
        await page.getByLabel("Name").fill("Prometheus");
        await page.getByLabel("Name").press("Tab");
        await page.getByRole("button", { name: "Make this token" }).press("Enter");
        await page.getByRole("heading", { name: "Prometheus" }).waitFor();
        await visitor.awake();
        const shown = await page.locator("pre").innerText();
        await page.getByRole("button", { name: "Copy the token" }).press("Enter");
        await page.getByText("Copied.").waitFor();
        assert.equal(await page.evaluate("navigator.clipboard.readText()"), shown);
        assert.match(shown, /^lpm_/);
        await assertAccessible(visitor, "the new token");
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/token-made.png` });
        await page.getByRole("link", { name: "I have kept it" }).press("Enter");
        await page.getByRole("rowheader", { name: /^Prometheus Good/ }).waitFor();
        assert.ok(!(await page.content()).includes(shown));
        await page.getByRole("button", { name: /Revoke.*Prometheus$/ }).press("Enter");
        await page.getByRole("rowheader", { name: /^Prometheus Revoked/ }).waitFor();
        assert.deepEqual(visitor.problems, []);
      });
    } finally {
      await browser.close();
    }
  },
});

/** Tokens in every state, and a list of networks as an office has it. */
async function fill(site: TestSite, user_id: string): Promise<void> {
  const { sql } = site.database;
  const group = await addGroup(sql);
  await sql`update groups set name = 'Web tier' where id = ${group}`;
  const tokens = [
    await makeApiToken(site, user_id, { scopes: ["read"], expires_in_days: 90 }),
    await makeApiToken(site, user_id, {
      scopes: ["read", "host", "job"],
      groups: [group],
      networks: ["10.1.4.0/24", "2001:db8::7/128"],
      expires_in_days: 5,
    }),
    await makeApiToken(site, user_id, { expires_in_days: 300 }),
    await makeApiToken(site, user_id, { scopes: ["audit"], expires_in_days: -2 }),
  ];
  const names = ["Prometheus exporter", "Deploy pipeline of the web team", "Terraform", "Auditors, last year"];
  for (const [i, { id }] of tokens.entries()) {
    await sql`
      update api_tokens set name = ${names[i]}, created_at = app_now() - interval '40 days',
        last_used_at = app_now() - make_interval(mins => ${
      7 + 600 * i
    }), last_used_address = '10.1.4.17' where id = ${id}`;
  }
  const saved = await site.client({ authorization: `Bearer ${tokens[2].token}` }).put("/api/v1/allowed-networks", {
    networks: [
      { network: "127.0.0.0/8", note: "this machine" },
      { network: "10.1.0.0/16", note: "office, Hamburg" },
      { network: "2001:db8:17::/48", note: "VPN" },
    ],
  });
  assert.equal(saved.status, 200, saved.text);
}
