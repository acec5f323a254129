import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { giveApp } from "../testing/factors.ts";
import { TEST_PASSWORD } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { type Scenario, scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit, type Visitor } from "./pages/visitor.ts";

/**
 * The morning check: what needs a person, where, and what is done about it, until the dashboard says so by itself. The
 * scenario's fleet role works through its own use cases; pages, API, live relay and database are the product's.
 */
const missing = browserMissing();
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

const HOST = "db-02.example.org";

/** How a person uses the page. */
interface Hand {
  /** Follows a link or presses a button. */
  press(target: Locator): Promise<void>;
  type(field: Locator, words: string): Promise<void>;
}

function mouse(): Hand {
  return { press: (target) => target.click(), type: (field, words) => field.fill(words) };
}

/** Tab and Enter alone. What has the focus must be seen. */
function keys(page: Page): Hand {
  const reach = async (target: Locator) => {
    await target.waitFor();
    const passed: string[] = [];
    for (let count = 0; count < 250; count++) {
      if (await target.evaluate((element) => element === document.activeElement)) return await assertSeen(target);
      await page.keyboard.press("Tab");
      passed.push(await page.evaluate(() => document.activeElement?.textContent?.trim().slice(0, 30) ?? ""));
    }
    throw new Error(`Tab never reached ${target}; it passed ${passed.slice(0, 60).join(" | ")}`);
  };
  return {
    press: async (target) => {
      await reach(target);
      await page.keyboard.press("Enter");
    },
    type: async (field, words) => {
      await reach(field);
      await page.keyboard.type(words);
    },
  };
}

/** The element is within the window and nothing that stays in its place covers it (WCAG 2.2, 2.4.11). */
async function assertSeen(target: Locator): Promise<void> {
  const seen = await target.evaluate((element) => {
    // A link of two lines is two boxes.
    const { left, right, top, bottom } = element.getClientRects()[0];
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const hit = document.elementFromPoint(x, y);
    const inside = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
    return {
      ok: inside && hit !== null && element.contains(hit),
      top,
      bottom,
      left,
      right,
      hit: hit?.outerHTML.slice(0, 120),
    };
  });
  assert.ok(seen.ok, `${target} has the focus and is not seen: ${JSON.stringify(seen)}`);
}

const h1 = (page: Page, words: string) =>
  page.waitForFunction((words) => document.querySelector("h1")?.textContent === words, words);

const live = (page: Page) => page.locator("main .live", { hasText: /^Live$/ }).first().waitFor();

/** Marks the document: a page that was loaded anew has no mark. */
const mark = (page: Page) => page.evaluate(() => void ((globalThis as unknown as { mine: boolean }).mine = true));
const marked = (page: Page) => page.evaluate(() => (globalThis as unknown as { mine?: boolean }).mine === true);

/** The figure in the line of what needs a person. */
const failed = (page: Page) => page.locator("tr", { hasText: "Last job failed" }).locator("a.figure");
const underWay = (page: Page, jobs: number) =>
  page.locator("a.figure[href='/jobs?state=running']", { hasText: `${jobs} jobs under way` });

interface Way {
  words: string;
  hand: (page: Page) => Hand;
  window: { width: number; height: number; scale?: number; theme: "light" | "dark" };
}

const WAYS: Way[] = [
  { words: "with a mouse", hand: mouse, window: { width: 1280, height: 800, theme: "light" } },
  { words: "by keyboard alone", hand: keys, window: { width: 1280, height: 800, theme: "dark" } },
  // 1280 × 800 at 200 %: half as much of the page, twice the pixels.
  { words: "with a mouse at 200 % zoom", hand: mouse, window: { width: 640, height: 400, scale: 2, theme: "dark" } },
  {
    words: "by keyboard alone at 200 % zoom",
    hand: keys,
    window: { width: 640, height: 400, scale: 2, theme: "light" },
  },
];

for (const { words, hand, window } of WAYS) {
  Deno.test({
    name: `the morning check ${words}` + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
    ignore: missing,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using made = await scenario();
      const browser = await launchBrowser();
      try {
        await using visitor = await visit(browser, made.site, window);
        await visitor.page.addInitScript(() =>
          addEventListener(
            "pointerdown",
            () => void ((globalThis as unknown as { touched: boolean }).touched = true),
            true,
          )
        );
        await check(made, visitor, hand(visitor.page), `${words.replaceAll(/\W+/g, "-")}-${window.width}`);
        const touched = await visitor.page.evaluate(() =>
          (globalThis as unknown as { touched?: boolean }).touched === true
        );
        assert.equal(touched, hand === mouse, "only a mouse points");
        assert.deepEqual(visitor.problems, []);
      } finally {
        await browser.close();
      }
    },
  });
}

async function check({ site, work, hosts }: Scenario, visitor: Visitor, hand: Hand, name: string): Promise<void> {
  const { page, context, awake } = visitor;
  const station = async (what: string) => {
    await awake();
    await assertFits(visitor, what);
    await assertAccessible(visitor, what);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/morning-${name}-${what}.png` });
  };
  const link = (name: string | RegExp) => page.getByRole("main").getByRole("link", { name });

  await site.database.sql`
    insert into worker_heartbeat (role, instance, version, started_at, beat_at)
    values ('fleet', gen_random_uuid(), '0.1.0', app_now(), app_now())`;

  // The first page of the day, from the login on.
  const { username, user_id } = await site.signIn("admin", { kind: "browser" });
  const app = await giveApp(site.services, user_id);
  await visitor.go("/");
  await hand.type(page.getByLabel("User name"), username);
  await hand.type(page.getByLabel("Password"), TEST_PASSWORD);
  await hand.press(page.getByRole("button", { name: "Sign in", exact: true }));
  await h1(page, "Second factor");
  await station("0-factor");
  await hand.type(page.getByLabel("Code"), app.code());
  await hand.press(page.getByRole("button", { name: "Sign in", exact: true }));
  await h1(page, "Dashboard");
  await live(page);
  await mark(page);
  await station("1-dashboard");
  assert.equal(await failed(page).textContent(), "2 hosts");

  // A screen on the wall shows the same, and nobody touches it from now on.
  const wall = await context.newPage();
  await wall.goto("/dashboard");
  await live(wall);
  await underWay(wall, 4).waitFor();
  await mark(wall);
  await page.bringToFront();

  // What needs a person leads to a list of as many, and to one of them.
  await hand.press(failed(page));
  await h1(page, "Hosts");
  await awake();
  assert.equal(await page.locator(".hosts-line > [role=status]").innerText(), "2 of 30 hosts");
  assert.equal(await page.locator("main tbody tr[aria-rowindex]").count(), 2);
  await station("2-list");
  await hand.press(link(HOST));
  await h1(page, HOST);
  await station("3-host");
  await hand.press(link(/^Deploy 2 updates/));
  await h1(page, `Deploy to ${HOST}`);
  await station("4-review");

  // The order asks once more in the same words.
  await hand.press(page.getByRole("button", { name: `Apply 2 updates to ${HOST} now …` }));
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await station("5-dialog");
  await hand.type(dialog.getByLabel("Reason"), "Disk was full; it is not any more");
  await hand.press(dialog.getByRole("button", { name: `Apply 2 updates to ${HOST} now` }));
  await h1(page, `2 updates for ${HOST}`);
  await station("6-job");
  const job_id = new URL(page.url()).pathname.split("/")[2];
  const [order] = await site.database.sql`
    select j.kind, j.reason, array_agg(r.host_id) as hosts
    from patch_jobs j join patch_job_hosts r on r.job_id = j.id where j.id = ${job_id} group by j.id`;
  assert.deepEqual({ ...order }, { kind: "apply", reason: "Disk was full; it is not any more", hosts: [hosts.disk] });

  // The wall knows: somebody decided, and a job more is under way.
  await failed(wall).filter({ hasText: /^1 host$/ }).waitFor();
  await underWay(wall, 5).waitFor();
  assert.ok(await marked(wall), "by itself, not by a reload");

  // Back on the dashboard the job goes on before one's eyes.
  const menu = page.getByRole("button", { name: "Menu", exact: true });
  if (await menu.isVisible()) await hand.press(menu);
  await hand.press(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Dashboard" }));
  await h1(page, "Dashboard");
  await awake();
  await live(page);
  assert.equal(await failed(page).textContent(), "1 host");
  await mark(page);
  const row = (on: Page) => on.locator(`tr:has(a[href='/jobs/${job_id}'])`);
  await row(page).waitFor();
  await work.claim();
  await work.begin(job_id, hosts.disk);
  await row(page).getByText("Running").waitFor();
  const patches = await work.outcomes(job_id, hosts.disk);
  await work.move(job_id, hosts.disk, "verifying", { message: "Reading the package database." });
  await work.move(job_id, hosts.disk, "succeeded", { progress: 100, message: "Installed.", patches });
  for (const one of [page, wall]) {
    await row(one).getByText("Succeeded").waitFor();
    await underWay(one, 4).waitFor();
    assert.equal(await failed(one).textContent(), "1 host");
    assert.ok(await marked(one), "by itself, not by a reload");
  }
  await station("7-dashboard");
}
