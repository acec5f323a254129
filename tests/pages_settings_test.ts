import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { systemClock } from "../core/clock.ts";
import { readSettings } from "../core/settings/read_settings.ts";
import { settingRules } from "../core/settings/rules.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { giveApp } from "../testing/factors.ts";
import type { HttpClient } from "../testing/http_client.ts";
import { TEST_PASSWORD, type TestSite, testSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Sends the form of one setting as a browser without script does. */
function save(client: HttpClient, fields: Record<string, string>) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.send({ method: "POST", path: "/settings", body: new URLSearchParams(fields).toString(), headers });
}

const KEY = "poll.health_interval_seconds";

const changes = async ({ database }: TestSite) =>
  (await database.sql`
    select outcome, object_id, convert_from(payload, 'UTF8')::jsonb -> 'details' as details from audit_log
    where action = 'setting.change' order by seq`).map((row) => ({ ...row }));

Deno.test("values that are refused: the bounds stand beside the field, what was typed stays, nothing changes", async (t) => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const table: [typed: string, words: RegExp][] = [
    ["29", /Health poll has to be from 30 to 3600 seconds, not 29\./],
    ["3601", /from 30 to 3600 seconds, not 3601\./],
    ["", /whole number, from 30 to 3600 seconds\./],
    ["often", /whole number, from 30 to 3600 seconds\./],
    ["-300", /whole number/],
    ["300.5", /whole number/],
    ["3e2", /whole number/],
    ["0x12c", /whole number/],
    ["1,800", /whole number/],
    ["<script>300", /whole number/],
    ["9".repeat(90), /whole number/],
  ];
  for (const [typed, words] of table) {
    await t.step(`typed: ${typed || "nothing"}`, async () => {
      const { status, text } = await save(admin, { key: KEY, value: typed, was: "300" });
      assert.equal(status, 400);
      const form = new RegExp(`<form[^>]*>(?:(?!</form>)[\\s\\S])*value="${KEY}"[\\s\\S]*?</form>`).exec(text)![0];
      assertSays(form, words);
      const kept = typed.replace("<", "&lt;");
      assert.match(form, new RegExp(`name="value" value${kept && `="${kept}"`}[ >]`));
      assertSays(form, /aria-invalid="true"/);
      assert.equal(text.match(/aria-invalid/g)!.length, 1, "the other fields are as they were");
    });
  }
  for (
    const [fields, status, words] of [
      [{ key: "database.url", value: "1", was: "1" }, 400, /There is no such setting/],
      [{ key: "__proto__", value: "1", was: "1" }, 400, /There is no such setting/],
      [{ key: KEY, value: "60", was: "300", changed_by: "me" }, 400, /./],
    ] as [Record<string, string>, number, RegExp][]
  ) {
    const refused = await save(admin, fields);
    assert.equal(refused.status, status, JSON.stringify(fields));
    assertSays(mainWords(refused.text), words);
  }
  assert.deepEqual(await changes(site), []);
  assert.equal((await site.database.sql`select from system_config`).length, 0);
});

Deno.test("a change that somebody else's overtook is noticed, and what was typed can be saved after all", async () => {
  await using site = await testSite();
  const [ann, ben] = [
    await site.signIn("admin", { kind: "browser" }),
    await site.signIn("admin", { kind: "browser" }),
  ];
  assert.equal((await save(ann, { key: KEY, value: "60", was: "300" })).status, 303);
  const late = await save(ben, { key: KEY, value: "120", was: "300" });
  assert.equal(late.status, 409);
  assertSays(late.text, /Somebody set it to 60 in the meantime\. Save again if yours is to count\./);
  const form = /<form class="setting-form"(?:(?!<\/form>)[\s\S])*<\/form>/.exec(late.text)![0];
  assertSays(form, /name="was" value="60"/);
  assertSays(form, /name="value"[^>]*value="120"|value="120"[^>]*name="value"/);
  assertSays(late.text, new RegExp(`Changed [\\s\\S]{0,200} by ${ann.username}`));
  assert.equal((await save(ben, { key: KEY, value: "120", was: "60" })).status, 303);
  assert.equal((await readSettings(site.database.web))[KEY], 120);
  // A form without what it was begun from is none of ours.
  assert.equal((await save(ben, { key: KEY, value: "90" })).status, 409);
  assert.deepEqual((await changes(site)).map(({ outcome, details }) => [outcome, details]), [
    ["success", { before: 300, after: 60 }],
    ["success", { before: 60, after: 120 }],
  ]);
});

Deno.test("the same over the API: a change that was decided by another value is refused", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin");
  const put = (json: unknown) => admin.send({ method: "PUT", path: `/api/v1/settings/${KEY}`, json });
  const first = await put({ value: 60, expected: 300 });
  assert.equal(first.status, 200);
  assert.deepEqual([first.json.value, first.json.changed_by_name], [60, admin.username]);
  const late = await put({ value: 120, expected: 300 });
  assert.deepEqual([late.status, late.json.error.code], [409, "conflict"]);
  assert.equal((await put({ value: 120 })).status, 200, "who does not ask is not stopped");
});

Deno.test("every setting is there with its meaning, unit, default and bounds; only admins get forms", async () => {
  await using site = await testSite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const auditor = await site.signIn("auditor", { kind: "browser" });
  await site.database.sql`
    insert into system_config (key, value, changed_at) values ('poll.concurrency', '100000', app_now())`;
  const { text } = await admin.get("/settings");
  const words = mainWords(text);
  for (const { title, reason, unit, default: value } of settingRules) {
    assert.ok(words.includes(`${title} ${reason} Default: ${value.toLocaleString("en")} `), title);
    assert.ok(words.includes(`${title}, in ${unit}`), title);
  }
  assert.match(
    words,
    /Default: 1,800 seconds, which is 30 minutes\. From 300 to 7,200 seconds\. Nobody has changed it/,
  );
  assert.match(words, /not 100000\. The default, 64, is in force\./);
  assert.equal(text.match(/<form class="setting-form"/g)!.length, settingRules.length);
  assert.ok(!/Back to the default/.test(text), "all are at their default");
  const read_only = await auditor.get("/settings");
  assert.equal(read_only.status, 200);
  assert.ok(!read_only.text.includes('action="/settings"'));
  assert.match(mainWords(read_only.text), /Patch poll [\s\S]*1,800 seconds, which is 30 minutes/);
  const refused = await save(auditor, { key: KEY, value: "60", was: "300" });
  assert.equal(refused.status, 403);
  assert.deepEqual((await changes(site)).map(({ outcome }) => outcome), ["denied"]);
  const operator = await site.signIn("operator", { kind: "browser" });
  assert.equal((await operator.get("/settings")).status, 403);
  assert.ok(!(await operator.get("/hosts")).text.includes('href="/settings"'));
});

const row = (page: Page, title: string) =>
  page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

Deno.test({
  name: "settings in Chromium: from the rail, refused, saved, back to the default; with keys and without script" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const clock = fakeClock(String(systemClock.now()));
    await using site = await emptySite({ clock });
    const browser = await launchBrowser();
    try {
      for (const scripts of [true, false]) {
        await t.step(scripts ? "with script" : "without", async () => {
          const { token, user_id } = await site.signIn("admin", { kind: "browser" });
          const app = await giveApp(site.services, user_id, clock);
          await using visitor = await visit(browser, site, { token, scripts });
          const { page } = visitor;
          await visitor.go("/dashboard");
          await page.getByRole("link", { name: "Settings" }).click();
          await page.getByRole("heading", { name: "Settings", level: 1 }).waitFor();
          const idle = row(page, "Session without activity");
          const field = idle.getByRole("textbox");
          await field.fill("90");
          await field.press("Enter");
          await idle.getByText("has to be from 5 to 60 minutes, not 90.").waitFor();
          assert.equal(await field.inputValue(), "90");
          assert.ok(
            await field.evaluate((element) => element === document.activeElement),
            "it stands where it is wrong",
          );
          if (scripts) await assertAccessible(visitor, "refused");
          await field.fill("15");
          clock.advance({ minutes: 11 });
          await idle.getByRole("button", { name: "Save" }).click();
          await page.getByRole("heading", { name: "Confirm that it is you" }).waitFor();
          await page.getByText("What you entered is kept.").waitFor();
          await page.getByLabel("Password").fill(TEST_PASSWORD);
          await page.getByLabel("Code").fill(app.code());
          await page.getByRole("button", { name: "Confirm", exact: true }).click();
          await page.getByRole("button", { name: "Do now what I asked for" }).click();
          await idle.getByText("Saved, and in force.").waitFor();
          assert.equal(await field.inputValue(), "15");
          assert.equal((await readSettings(site.database.web))["session.idle_minutes"], 15);
          await page.getByText("1 of 11 differs from the default.").waitFor();
          for (const colorScheme of scripts ? ["light", "dark"] as const : []) {
            await page.emulateMedia({ colorScheme });
            // Opened anew: colours that change take their time.
            await page.reload();
            await visitor.awake();
            await assertAccessible(visitor, `saved, ${colorScheme}`);
          }
          if (SHOTS && scripts) await shots(visitor);
          await idle.getByRole("button", { name: "Back to the default: 60 minutes" }).click();
          await idle.getByText("Saved, and in force.").waitFor();
          assert.equal(await field.inputValue(), "60");
          assert.equal(await idle.getByRole("button", { name: "Back to the default" }).count(), 0);
          await page.getByRole("link", { name: "Addresses" }).click();
          await page.getByRole("heading", { name: "What else counts" }).waitFor();
          assert.equal(await page.locator(".rail [aria-current]").innerText(), "Settings");
          assert.deepEqual(visitor.problems.filter((problem) => !/status of 40[03]/.test(problem)), []);
        });
      }
    } finally {
      await browser.close();
    }
  },
});

async function shots(visitor: Awaited<ReturnType<typeof visit>>): Promise<void> {
  const { page } = visitor;
  for (const width of [390, 1280, 1920]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await assertFits(visitor, `${width} px`);
      await page.screenshot({ path: `${SHOTS}/settings-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
}
