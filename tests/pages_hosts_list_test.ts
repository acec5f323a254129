import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { count, seedLargeFleet } from "./pages/large_fleet.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, assertStill, visit } from "./pages/visitor.ts";

const missing = browserMissing();
const name = (words: string) => words + (missing ? " (left out: /usr/bin/chromium is missing)" : "");
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

const said = (page: Page, words: string) =>
  page.waitForFunction((words) => document.querySelector(".hosts [role=status]")?.textContent === words, words);
const place = (page: Page) => new URL(page.url());
const query = (page: Page) => Object.fromEntries(place(page).searchParams);

/** The row that has the focus. */
function focusedHost(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.closest("tbody tr")?.querySelector("th a")?.textContent ?? "");
}

/** The row with this name has the focus and is seen whole, below the head that stays. */
const focusOn = (page: Page, host: string) =>
  page.waitForFunction((host) => {
    const row = document.activeElement?.closest("tbody tr");
    const box = document.querySelector(".hosts .table-scroll")!.getBoundingClientRect();
    const head = document.querySelector(".hosts thead")!.getBoundingClientRect();
    const seen = row?.getBoundingClientRect();
    return row?.querySelector("th a")?.textContent === host && seen && seen.top >= head.bottom - 1 &&
      seen.bottom <= box.bottom + 1;
  }, host);

Deno.test({
  name: name("2,500 hosts in one list: seen, filtered, chosen, by mouse and by keys"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using site = await emptySite();
    const { group } = await seedLargeFleet(site.database);
    const admin = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site, { token: admin.token });
    const { page, problems } = visitor;
    const press = (key: string) => page.keyboard.press(key);
    const status = (words: string) => said(page, words);
    try {
      await t.step("one answer, small on the wire, and nothing moves when it wakes", async () => {
        const answer = await admin.get("/hosts", { "accept-encoding": "gzip" });
        assert.equal(answer.headers.get("content-encoding"), "gzip");
        assert.ok(answer.bytes.length < 400_000, `${answer.bytes.length} bytes`);
        await visitor.go("/hosts");
        await status("2,500 of 2,500 hosts");
        await assertStill(visitor, "2,500 hosts");
        await assertFits(visitor, "2,500 hosts");
        await assertAccessible(visitor, "2,500 hosts");
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/hosts-2500-light-1280.png` });
      });

      await t.step("few rows are in the document, with room for all; scrolling shows each in its place", async () => {
        const before = await measured(page);
        assert.ok(before.rows < 100, `${before.rows} rows`);
        assert.equal(before.told, "2501", "the head and every host");
        assert.ok(Math.abs(before.height - 2_500 * before.row) < before.row * 2, JSON.stringify(before));
        for (const share of [0.5, 1, 0.25, 0]) {
          const middle = await page.evaluate((share) => {
            const box = document.querySelector(".hosts .table-scroll")!;
            box.scrollTop = (box.scrollHeight - box.clientHeight) * share;
            return box.scrollTop + box.clientHeight / 2;
          }, share);
          const wanted = Math.min(2_500, Math.floor(middle / before.row));
          await page.waitForFunction(
            (host) => [...document.querySelectorAll("tbody th a")].some((link) => link.textContent === host),
            `node-${String(Math.max(1, wanted)).padStart(4, "0")}.example.org`,
          );
          const { rows, row } = await measured(page);
          assert.ok(rows < 100 && row === before.row, `${share}: ${rows} rows of ${row} px`);
        }
      });

      await t.step("filters work while one types, stand in the address, and come back with it", async () => {
        await page.fill("#hosts-search", "edge");
        await status("100 of 2,500 hosts");
        assert.deepEqual(query(page), { q: "edge" });
        await page.selectOption("#health", "unreachable");
        await status("50 of 2,500 hosts");
        await page.selectOption("#group", group);
        await status("50 of 2,500 hosts");
        assert.deepEqual(query(page), { q: "edge", health: "unreachable", group });
        await page.click("thead a:has-text('Name')");
        await page.waitForFunction(() => document.querySelector("tbody th a")?.textContent === "node-2500.example.org");
        const all = { q: "edge", health: "unreachable", group, sort: "-name" };
        assert.deepEqual(query(page), all);

        await page.reload();
        await visitor.awake();
        await status("50 of 2,500 hosts");
        assert.deepEqual(query(page), all);
        assert.equal(await page.inputValue("#hosts-search"), "edge");
        assert.equal(await page.inputValue("#health"), "unreachable");
        assert.equal(
          await page.textContent("tbody th a"),
          "node-2500.example.org",
          "the server sorts as the page does",
        );
        const csv = await page.getAttribute("a[download]", "href");
        const { text } = await admin.get(csv!);
        assert.equal(text.trim().split("\n").length, 51, "a head and the rows of the filter");

        await page.goBack();
        await page.goBack();
        await page.waitForFunction(() => !location.search.includes("group"));
        await status("50 of 2,500 hosts");
        await page.goBack();
        await status("100 of 2,500 hosts");
        assert.equal(await page.inputValue("#health"), "", "the field says what the address says");
      });

      await t.step("a filter of 2,500 rows is drawn within a tenth of a second", async () => {
        await visitor.go("/hosts");
        const best = await page.evaluate(fastestFilter);
        assert.ok(best < 100, `${best} ms`);
      });

      await t.step("all of a filter is chosen, and the deployment reaches exactly those", async () => {
        const wanted = count((n) => n % 3 === 0 && n % 5 !== 0);
        await visitor.go("/hosts?os=debian");
        await page.click("thead input[type=checkbox]");
        await page.waitForSelector(`text=${count((n) => n % 3 === 0)} hosts chosen`);
        await page.waitForSelector(`text=${count((n) => n % 15 === 0)} hosts have nothing to install`);
        const deploy = page.locator("a", { hasText: "Deploy to" });
        assert.equal((await deploy.innerText()).trim(), `Deploy to ${wanted} hosts …`);
        assert.equal(await deploy.getAttribute("href"), "/deploy?os=debian");
        await assertAccessible(visitor, "chosen");
        await deploy.click();
        await page.waitForSelector(`h1:has-text('Deploy to ${wanted} hosts')`);
        const words = await page.locator("main").innerText();
        assert.match(words, new RegExp(`updates can be installed on ${wanted} hosts`));
        assert.doesNotMatch(words, /TiB/, "a size that no host says is no size");
      });

      await t.step("some of many are named one by one; the others are not asked for", async () => {
        await visitor.go("/hosts?q=node-00");
        await page.click("tbody tr:has-text('node-0001') input");
        await page.click("tbody tr:has-text('node-0003') input", { modifiers: ["Shift"] });
        await page.waitForSelector("text=3 hosts chosen");
        await page.click("tbody tr:has-text('node-0002') input");
        await page.waitForSelector("text=2 hosts chosen");
        const href = await page.locator("a", { hasText: "Deploy to 2 hosts" }).getAttribute("href");
        const ids = new URL(href!, site.origin).searchParams.getAll("host");
        const named = await site.database.sql`select fqdn from hosts where id = any(${ids}::uuid[]) order by fqdn`;
        assert.deepEqual(named.map(({ fqdn }) => fqdn), ["node-0001.example.org", "node-0003.example.org"]);
        await page.click("text=Refresh 2 hosts");
        await page.waitForSelector("text=Asked 2 hosts.");
        const asked = await site.database.sql`
          select distinct h.fqdn from host_polls p join hosts h on h.id = p.host_id
          where p.requested_at is not null order by 1`;
        assert.deepEqual(asked.map(({ fqdn }) => fqdn), named.map(({ fqdn }) => fqdn));
      });

      await t.step("keys: to any row, choose, ranges, all, none, open", async () => {
        await visitor.go("/hosts");
        await press("End");
        await focusOn(page, "node-2500.example.org");
        await press("k");
        await focusOn(page, "node-2499.example.org");
        await press("Home");
        await focusOn(page, "node-0001.example.org");
        await press("PageDown");
        await page.waitForFunction(() => document.activeElement?.textContent !== "node-0001.example.org");
        const far = await focusedHost(page);
        assert.ok(far > "node-0005" && far < "node-0060", far);
        await press("Home");
        await press("ArrowDown");
        await press("ArrowDown");
        await focusOn(page, "node-0003.example.org");
        await press("Space");
        await page.waitForSelector("text=1 host chosen");
        await press("Shift+ArrowDown");
        await press("Shift+ArrowDown");
        await page.waitForSelector("text=3 hosts chosen");
        await press("Escape");
        await status("2,500 of 2,500 hosts");
        assert.equal(await page.locator("text=hosts chosen").count(), 0);
        await press("Control+a");
        await page.waitForSelector("text=2,500 hosts chosen");
        await press("Escape");
        await press("f");
        await page.waitForFunction(() => document.activeElement?.id === "hosts-search");
        await page.keyboard.type("x?j");
        assert.equal(await page.inputValue("#hosts-search"), "x?j", "a field gets its letters");
        await status("0 of 2,500 hosts");
        await page.fill("#hosts-search", "");
        await status("2,500 of 2,500 hosts");
        await page.focus("tbody th a");
        await press("?");
        await page.waitForSelector("dialog#hosts-keys[open]");
        await assertAccessible(visitor, "keys");
        await press("Escape");
        await page.waitForSelector("dialog#hosts-keys:not([open])", { state: "attached" });
        await press("End");
        await focusOn(page, "node-2500.example.org");
        await press("Enter");
        await page.waitForFunction(() => document.querySelector("h1")?.textContent === "node-2500.example.org");
      });
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});

/** What the table holds, and how high a row is. */
function measured(page: Page) {
  return page.evaluate(() => {
    const rows = [...document.querySelectorAll(".hosts tbody tr[aria-rowindex]")];
    const body = document.querySelector(".hosts tbody")!;
    return {
      rows: rows.length,
      row: rows[0].getBoundingClientRect().height,
      height: body.getBoundingClientRect().height,
      told: document.querySelector(".hosts table")!.getAttribute("aria-rowcount"),
    };
  });
}

/** Runs in the page: milliseconds from a key to the changed list, the best of several. */
async function fastestFilter(): Promise<number> {
  const field = document.querySelector<HTMLInputElement>("#hosts-search")!;
  const line = document.querySelector(".hosts [role=status]")!;
  const times: number[] = [];
  for (const words of ["node-1", "", "debian", "", "10.64.3", "", "edge", ""]) {
    const start = performance.now();
    const changed = new Promise<void>((done) => {
      new MutationObserver((_, observer) => {
        observer.disconnect();
        done();
      }).observe(line, { characterData: true, childList: true, subtree: true });
    });
    field.value = words;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await changed;
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

Deno.test({
  name: name("the list without script has pages; who only reads chooses nothing"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using site = await emptySite();
    await seedLargeFleet(site.database, 120);
    const browser = await launchBrowser();
    try {
      const auditor = await site.signIn("auditor", { kind: "browser" });
      await using plain = await visit(browser, site, { token: auditor.token, scripts: false });
      await plain.go("/hosts");
      assert.equal(await plain.page.locator("tbody tr").count(), 50);
      const next = plain.page.locator("nav[aria-label='Pages of hosts'] a").last();
      await next.click();
      assert.equal(await next.innerText(), "Next 20");
      await next.click();
      assert.equal(await plain.page.locator("tbody tr").count(), 20);
      assert.equal(await plain.page.locator("tbody tr").last().locator("th a").innerText(), "node-0120.example.org");
      await plain.page.fill("#hosts-search", "edge");
      await plain.page.click("button:has-text('Filter')");
      assert.equal(await plain.page.locator("tbody tr").count(), 4);
      assert.equal(await plain.page.locator("tbody input").count(), 0);

      await using reader = await visit(browser, site, { token: auditor.token });
      await reader.go("/hosts");
      assert.equal(await reader.page.locator("table input[type=checkbox]").count(), 0);
      await reader.page.keyboard.press("ArrowDown");
      await focusOn(reader.page, "node-0001.example.org");
      await reader.page.keyboard.press("Space");
      await reader.page.keyboard.press("Control+a");
      assert.equal(await reader.page.locator(".selection-bar").count(), 0);
      assert.deepEqual(reader.problems, []);
    } finally {
      await browser.close();
    }
  },
});
