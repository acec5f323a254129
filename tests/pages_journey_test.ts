import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { testApp } from "../testing/factors.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { scenario } from "./pages/scenario.ts";
import { assertAccessible, visit } from "./pages/visitor.ts";

const missing = browserMissing();

/** Words of the element that has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    return (element.getAttribute("aria-label") ?? element.innerText ?? "").trim() || `${element.tagName}#${element.id}`;
  });
}

/** Presses Tab until the focus is on what is looked for, as somebody without a mouse does. */
async function tabTo(page: Page, words: RegExp | string, most = 120): Promise<void> {
  const passed: string[] = [];
  for (let count = 0; count < most; count++) {
    await page.keyboard.press("Tab");
    const here = await focused(page);
    const id = await page.evaluate(() => document.activeElement?.id ?? "");
    if (typeof words === "string" ? `#${id}` === words : words.test(here)) return;
    passed.push(here);
  }
  throw new Error(`never reached ${words}; passed ${passed.join(" | ")}`);
}

const h1 = (page: Page, words: string | RegExp) =>
  page.waitForFunction(
    ([source, flags]) => new RegExp(source, flags).test(document.querySelector("h1")?.textContent ?? ""),
    typeof words === "string" ? [`^${words}$`, ""] : [words.source, words.flags],
  );

const rows = (page: Page, count: number) =>
  page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, count);

Deno.test({
  name: "the product by keyboard alone" + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const { site, first_admin, hosts } = made;
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site);
    const { page, problems, awake } = visitor;
    const press = (key: string) => page.keyboard.press(key);
    try {
      await t.step(
        "a one-time password leads to a password of one's own, and on to where one wanted to go",
        async () => {
          await visitor.go("/jobs");
          assert.equal(new URL(page.url()).pathname, "/login");
          assert.equal(await focused(page), "INPUT#username");
          await page.keyboard.type(first_admin.username);
          await press("Tab");
          await page.keyboard.type(first_admin.password);
          await press("Enter");
          await h1(page, "Choose your own password");
          assert.equal((await page.request.get("/hosts", { maxRedirects: 0 })).headers().location, "/password");
          await page.keyboard.type(first_admin.password);
          await press("Tab");
          await page.keyboard.type("lantern orbit walnut ferry");
          await press("Tab");
          await page.keyboard.type("lantern orbit walnut ferry");
          await press("Enter");
          await h1(page, "Set up a second factor");
          assert.equal((await page.request.get("/hosts", { maxRedirects: 0 })).headers().location, "/setup");
        },
      );

      await t.step(
        "setting up the app: the secret by hand, a wrong code, the right one, the codes to keep",
        async () => {
          await awake();
          await tabTo(page, /^Authenticator app$/);
          await press("Enter");
          await h1(page, "Set up an authenticator app");
          await awake();
          const secret = (await page.locator("#secret").innerText()).replaceAll(" ", "");
          const app = testApp(secret);
          await tabTo(page, "#code");
          await page.keyboard.type("000000");
          await press("Enter");
          await page.waitForSelector("[role=alert] >> text=This code is wrong");
          assert.equal(
            (await page.locator("#secret").innerText()).replaceAll(" ", ""),
            secret,
            "it is in the app already",
          );
          // Chromium repeats the answer's status in its console.
          assert.equal(problems.splice(0).length, 1);
          await awake();
          assert.equal(await focused(page), "INPUT#code");
          await page.keyboard.type(app.code());
          await press("Enter");
          await h1(page, "Keep your recovery codes");
          await awake();
          assert.equal(await page.locator(".codes li").count(), 10);
          await tabTo(page, /^Go on to Linux Patch Manager$/);
          await press("Enter");
          // Not before the box is ticked: that is where the browser puts the focus.
          assert.equal(await page.evaluate(() => (document.activeElement as HTMLInputElement).type), "checkbox");
          await press("Space");
          await press("Tab");
          await press("Enter");
          await h1(page, "Jobs");
          await awake();
        },
      );

      await t.step("the skip link leads past rail and bar", async () => {
        await visitor.go("/hosts");
        await press("Tab");
        assert.equal(await focused(page), "Skip to the content");
        assert.ok(await page.evaluate(() => document.activeElement!.getBoundingClientRect().top >= 0), "it is seen");
        await press("Enter");
        await press("Tab");
        assert.match(await focused(page), /^(Add a host|Look at the requests)$/);
      });

      await t.step("search by its key, filter, and the focus stays where the person is", async () => {
        await press("/");
        await page.keyboard.type("web-0");
        await press("Enter");
        await rows(page, 7);
        assert.equal(await focused(page), "Search hosts");
        assert.equal(new URL(page.url()).search, "?q=web-0");
        await awake();
        await tabTo(page, "#status");
        await page.keyboard.type("Sec");
        await rows(page, 6);
        await awake();
        assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), { q: "web-0", status: "security" });
        await tabTo(page, /^Clear$/);
        await press("Enter");
        await rows(page, 30);
        await awake();
        assert.equal(await focused(page), "Hosts", "focus is on the title after a link");
      });

      await t.step("theme by its menu, without a flash of the other one", async () => {
        await press("Shift+Tab");
        await tabTo(page, /^Theme$/);
        await press("Enter");
        await tabTo(page, /^Dark$/);
        await press("Enter");
        await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
        const { text } = await site.client({ cookie: "__Host-theme=dark" }).get("/login");
        assert.match(text, /<html lang="en" data-theme="dark"/, "the first byte is dark already");
        assert.equal(new URL(page.url()).pathname, "/hosts", "back on the same page");
        await awake();
      });

      await t.step("choose a row, see what the selection does, and clear it", async () => {
        await tabTo(page, /^Choose sandbox/);
        await press("Space");
        await page.waitForSelector(".bar-row >> text=1 host chosen");
        await press("Space");
        await page.waitForSelector(".bar-row >> text=30 of 30 hosts");
      });

      await t.step("open the host, then its deployment", async () => {
        await tabTo(page, /^sandbox\.example\.org$/);
        await press("Enter");
        await h1(page, "sandbox.example.org");
        assert.equal(await focused(page), "sandbox.example.org");
        await awake();
        await tabTo(page, /^Deploy 5 updates/);
        await press("Enter");
        await h1(page, "Deploy to sandbox.example.org");
        await awake();
      });

      await t.step("untick a package; the words follow", async () => {
        await tabTo(page, /^Install less /);
        await press("Space");
        await page.waitForSelector("text=Apply 4 updates to sandbox.example.org now");
      });

      await t.step("the dialog holds the focus, closes by Escape, and gives the focus back", async () => {
        await page.evaluate("document.querySelector('h1').focus()");
        await tabTo(page, /^Apply 4 updates/);
        await press("Enter");
        await page.waitForSelector("dialog[open]");
        await assertAccessible(visitor, "open dialog");
        for (let count = 0; count < 12; count++) {
          await press("Tab");
          const inside = await page.evaluate(() =>
            document.activeElement === document.body || document.activeElement?.closest("dialog") !== null
          );
          assert.ok(inside, `Tab ${count} left the dialog for ${await focused(page)}`);
        }
        await press("Escape");
        await page.waitForSelector("dialog:not([open])", { state: "attached" });
        assert.match(await focused(page), /^Apply 4 updates/);
      });

      await t.step("dry run: the order says exactly what was ticked", async () => {
        await page.evaluate("document.querySelector('h1').focus()");
        await tabTo(page, /^Dry run$/);
        await press("Enter");
        await h1(page, "Dry run of 4 updates on sandbox.example.org");
        await awake();
        const job_id = new URL(page.url()).pathname.split("/")[2];
        const ordered = await site.database.sql`
          select name from patch_job_patches where job_id = ${job_id} order by name`;
        assert.deepEqual(ordered.map(({ name }) => name), ["curl", "libssl3", "openssl", "tzdata"]);
        await page.waitForSelector(".live >> text=Live");
      });

      await t.step("its result leads to the deployment of the same packages", async () => {
        const job_id = new URL(page.url()).pathname.split("/")[2];
        await made.work.claim();
        await made.work.begin(job_id, hosts.real);
        const patches = (await made.work.outcomes(job_id, hosts.real))
          .map((one) => ({ ...one, outcome: "would_apply" as const }));
        await made.work.move(job_id, hosts.real, "succeeded", { progress: 100, patches });
        await page.waitForSelector("text=Nothing was changed.");
        await awake();
        await tabTo(page, /^Deploy these updates/);
        await press("Enter");
        await h1(page, "Deploy to sandbox.example.org");
        await awake();
        assert.equal(await page.locator("tbody input[name=offer]:checked").count(), 4);
        assert.equal(await page.locator("tbody input[name=offer]:not(:checked)").count(), 1);
      });

      await t.step("applying asks in the same words, and one order makes one job", async () => {
        await tabTo(page, /^Apply 4 updates/);
        await press("Enter");
        await page.waitForSelector("dialog[open]");
        await tabTo(page, "#reason");
        await page.keyboard.type("CHG0042");
        await tabTo(page, /^Apply 4 updates to sandbox\.example\.org now$/);
        await press("Enter");
        await h1(page, "4 updates for sandbox.example.org");
        const jobs = await site.database.sql`select kind, reason from patch_jobs order by requested_at desc limit 1`;
        assert.deepEqual([...jobs], [{ kind: "apply", reason: "CHG0042" }]);
      });

      await t.step("sign out from the menu", async () => {
        await awake();
        await page.evaluate("document.querySelector('h1').focus()");
        await press("Shift+Tab");
        await press("Shift+Tab");
        await press("Shift+Tab");
        await tabTo(page, /^Administrator$/);
        await press("Enter");
        await tabTo(page, /^Sign out$/);
        await press("Enter");
        await h1(page, "Sign in");
        await page.goto("/hosts");
        assert.equal(new URL(page.url()).pathname, "/login");
      });
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});
