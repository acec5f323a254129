import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { TestSite } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { addPlannedHost } from "./pages/fleet.ts";
import { emptySite, type Scenario, scenario } from "./pages/scenario.ts";
import { updates } from "./pages/updates.ts";
import { assertAccessible, assertFits, assertStill, visit } from "./pages/visitor.ts";
import { assertSays, mainWords } from "./pages/words.ts";

const missing = browserMissing();
const name = (words: string) => words + (missing ? " (left out: /usr/bin/chromium is missing)" : "");
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** A fleet role that has just said that it lives. */
async function beat({ database }: TestSite): Promise<void> {
  await database.sql`
    insert into worker_heartbeat (role, instance, version, started_at, beat_at)
    values ('fleet', gen_random_uuid(), '0.1.0', app_now(), app_now())
    on conflict (role) do update set beat_at = app_now()`;
}

/** Hosts for the figures that the scenario leaves at zero. */
async function addRareHosts({ site, past, hosts, work }: Scenario): Promise<void> {
  const { sql } = site.database;
  const add = (name: string, address: string, plan: object) =>
    addPlannedHost(site.database, past, { name, address, simulated: true, ...plan });
  const old = await add("old-kernel.example.org", "10.20.7.1", { updates: updates("openssl"), seen: 60 * 24 * 40 });
  const aged = await add("aged.example.org", "10.20.7.2", { updates: updates("openssl", "curl"), seen: 60 * 24 * 9 });
  const broken = await add("broken.example.org", "10.20.7.3", {});
  await past.at(0);
  for (const id of [old, aged]) {
    await sql`update host_patch_data set received_at = app_now(), index_refreshed_at = app_now() where host_id = ${id}`;
  }
  await sql`update host_patch_data set state = 'broken' where host_id = ${broken}`;
  await sql`update host_health_data set checks = '{"package_manager": "broken"}' where host_id = ${broken}`;
  await sql`update hosts set certificate_expires_at = app_now() + interval '9 days' where id = ${broken}`;
  await sql`
    update host_patch_data set index_refreshed_at = app_now() - interval '30 hours' where host_id = ${hosts.app1}`;
  await sql`update host_polls set parked_reason = 'test' where host_id = ${hosts.app2} and kind = 'health'`;
  const missed = await work.order({ host_ids: [hosts.sensor2], reason: "Missed" });
  await work.claim();
  await work.move(missed, hosts.sensor2, "missed", { message: "The deadline passed before it could start." });
}

Deno.test({
  name: name("the dashboard is sound in both themes and every width, with much data and without any host"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    await using empty = await emptySite();
    await addRareHosts(made);
    await beat(made.site);
    const browser = await launchBrowser();
    try {
      for (const [words, site] of [["much", made.site], ["empty", empty]] as const) {
        const { token } = await site.signIn("admin", { kind: "browser" });
        for (const [theme, width] of [["light", 1280], ["dark", 390]] as const) {
          await t.step(`${words}, ${theme}`, () => lookAt(browser, site, { token, theme, width }, words));
        }
      }
    } finally {
      await browser.close();
    }
  },
});

async function lookAt(
  browser: Browser,
  site: TestSite,
  options: { token: string; theme: "light" | "dark"; width: number },
  words: string,
): Promise<void> {
  await using visitor = await visit(browser, site, options);
  const { page, problems } = visitor;
  await visitor.go("/");
  assert.equal(new URL(page.url()).pathname, "/dashboard");
  await page.waitForFunction(() => document.querySelector(".live")?.textContent === "Live");
  await assertStill(visitor, words);
  for (const width of [options.width, 390, 640, 1280, 1920]) {
    const what = `dashboard-${words}-${options.theme}-${width}`;
    await page.setViewportSize({ width, height: 800 });
    await assertFits(visitor, what);
    await assertAccessible(visitor, what);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${what}.png`, fullPage: true });
  }
  if (SHOTS && words === "much" && options.theme === "light") {
    await page.emulateMedia({ media: "print" });
    await page.screenshot({ path: `${SHOTS}/dashboard-print.png`, fullPage: true });
  }
  assert.deepEqual(problems, []);
}

Deno.test({
  name: name("every figure of the dashboard leads to a list that holds as many"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const { site, groups } = made;
    await addRareHosts(made);
    await beat(site);
    const browser = await launchBrowser();
    try {
      for (
        const [who, options, least] of [
          ["admin", {}, 40],
          ["operator", { groups: [groups.web] }, 30],
        ] as const
      ) {
        await t.step(who, async () => {
          const { token } = await site.signIn(who, { kind: "browser", ...options, groups: [...options.groups ?? []] });
          await using visitor = await visit(browser, site, { token });
          await visitor.go("/dashboard");
          const figures = await figuresOf(visitor.page);
          assert.ok(figures.length >= least, `only ${figures.length} figures`);
          const seen = new Map<string, number>();
          for (const { href, count, text } of figures) {
            assert.match(text, new RegExp(`(^|\\D)${count.toLocaleString("en")}($|\\D)`), `${href} says “${text}”`);
            assert.ok(count > 0 || href === "/hosts?only=up_to_date", `${href}: a link to nothing`);
            if (!seen.has(href)) {
              await visitor.go(href);
              seen.set(href, await listed(visitor.page, href));
            }
            assert.equal(seen.get(href), count, `${text} (${href})`);
          }
          assert.ok(seen.size >= least / 2, `only ${seen.size} different lists`);
          assert.deepEqual(visitor.problems, []);
        });
      }
    } finally {
      await browser.close();
    }
  },
});

function figuresOf(page: Page): Promise<{ href: string; count: number; text: string }[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLAnchorElement>("a.figure")].map((link) => ({
      href: link.getAttribute("href")!,
      count: Number(link.dataset.count),
      text: link.textContent!,
    }))
  );
}

/** How many the page behind a figure says that there are, where it does. */
async function listed(page: Page, href: string): Promise<number> {
  const text = await page.locator("main").innerText();
  if (href.startsWith("/hosts")) {
    if (/No host matches/.test(text)) return 0;
    const bar = await page.locator("main .hosts-line > [role=status]").innerText();
    const [, shown] = /([\d,]+) of [\d,]+ hosts?/.exec(bar) ?? assert.fail(`${href} does not say how many: ${bar}`);
    return Number(shown);
  }
  if (href.startsWith("/jobs")) return await page.locator("main tbody tr").count();
  const [, waiting] = /(\d+) machines? waits? for approval/.exec(text) ?? assert.fail(href);
  return Number(waiting);
}

Deno.test({
  name: name("the dashboard moves by itself, and the focus stays"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site, work, jobs, hosts } = made;
    await beat(site);
    const { token } = await site.signIn("admin", { kind: "browser" });
    await work.claim();
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, site, { token });
      const { page } = visitor;
      await visitor.go("/dashboard");
      await page.waitForFunction(() => document.querySelector(".live")?.textContent === "Live");
      await page.evaluate(() => ((globalThis as unknown as { mine: boolean }).mine = true));
      const failed = page.locator("tr", { hasText: "Last job failed" }).locator("a.figure");
      assert.equal(await failed.textContent(), "2 hosts");
      const under_way = page.locator('a.figure[href="/jobs?state=running"]');
      assert.equal(await under_way.textContent(), "4 jobs under way");
      await under_way.focus();
      await work.move(jobs.live, hosts.many, "verifying");
      await work.move(jobs.live, hosts.many, "failed", { message: "It failed.", error: "It failed." });
      await page.locator('a.figure[href="/jobs?state=running"]', { hasText: "3 jobs under way" }).waitFor();
      assert.equal(await failed.textContent(), "3 hosts");
      assert.equal(await page.evaluate(() => (globalThis as unknown as { mine?: boolean }).mine), true, "no reload");
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("href")), "/jobs?state=running");
      assert.deepEqual(visitor.problems, []);
    } finally {
      await browser.close();
    }
  },
});

Deno.test("an operator's dashboard holds nothing of hosts outside their groups", async () => {
  await using made = await scenario();
  const { site, hosts, groups } = made;
  await addRareHosts(made);
  const operator = await site.signIn("operator", { kind: "browser", groups: [groups.web] });
  const { status, text } = await operator.get("/dashboard");
  assert.equal(status, 200);
  for (const word of ["db-01", "db-02", "Databases", hosts.degraded, hosts.disk]) {
    assert.ok(!text.includes(word), `it names ${word}`);
  }
  const admin = await site.signIn("admin", { kind: "browser" });
  const everything = (await admin.get("/dashboard")).text;
  assertSays(everything, /db-01/);
  const failed = (html: string) => /only=job_failed" data-count="(\d+)"/.exec(html)?.[1];
  assert.deepEqual([failed(text), failed(everything)], [undefined, "2"]);
  // What belongs to nobody they see only their part of.
  const disabled_groups = await site.signIn("operator", { kind: "browser" });
  const nobody = (await disabled_groups.get("/dashboard")).text;
  assert.doesNotMatch(mainWords(nobody), /web-0|sandbox|db-0/);
});

Deno.test("auditors read: no door is offered that they may not open", async () => {
  await using made = await scenario();
  const auditor = await made.site.signIn("auditor", { kind: "browser" });
  const { text, status } = await auditor.get("/dashboard");
  assert.equal(status, 200);
  assert.doesNotMatch(text, /href="\/enrolments"|href="\/deploy"|href="\/hosts\/new"/);
  assertSays(text, /Needs a person/);
});

Deno.test("old data is said: nobody asks the hosts, and since when", async () => {
  await using made = await scenario();
  const { site } = made;
  const admin = await site.signIn("admin", { kind: "browser" });
  const words = async () => mainWords((await admin.get("/dashboard")).text);
  assert.match(await words(), /No host is being asked\..*has never started/);
  await beat(site);
  assert.doesNotMatch(await words(), /No host is being asked/);
  await site.database.sql`update worker_heartbeat set beat_at = app_now() - interval '20 minutes'`;
  assert.match(await words(), /No host is being asked\. The manager's fleet role has said nothing for 20 min/);
});

Deno.test("the first page: without hosts it teaches the next step, and tells of a machine that asks", async () => {
  await using site = await emptySite();
  const admin = await site.signIn("admin", { kind: "browser" });
  const home = await admin.get("/");
  assert.deepEqual([home.status, home.headers.get("location")], [303, "/dashboard"]);
  const { text } = await admin.get("/dashboard");
  assertSays(text, /No hosts so far/);
  assertSays(text, /href="\/hosts\/new"/);
  assertSays(text, /href="\/api\/v1\/ca\/root\.crt"/);
  assert.doesNotMatch(mainWords(text), /Hygiene|Compliance|asked/);
});

Deno.test("a figure's filter is named on the list of hosts, and can be taken away", async () => {
  await using made = await scenario();
  const admin = await made.site.signIn("admin", { kind: "browser" });
  const { text } = await admin.get("/hosts?only=silent&status=security&page=2");
  assertSays(text, /<a [^>]*href="\/hosts\?status=security"[^>]*>(<svg.*?<\/svg>)?Does not answer/);
  assertSays(text, /<input type="hidden" name="only" value="silent"/);
  const wrong = await admin.get("/hosts?only=%3Cscript%3E");
  assertSays(wrong.text, /The filter was not understood/);
  assert.doesNotMatch(wrong.text, /name="only"|<script>/);
});
