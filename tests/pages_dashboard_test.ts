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
