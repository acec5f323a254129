import assert from "node:assert/strict";
import axe from "axe-core";
import { stopBundler } from "../scripts/build.ts";
import { browserMissing, launchBrowser, serveLocally } from "../web/browser.ts";
import { makeGallery } from "../components/testdata/gallery.ts";

const missing = browserMissing();
const PAGES = ["/", "/kitchen", "/login"];

interface Finding {
  id: string;
  nodes: { html: string }[];
}
declare const globalAxe: { axe: { run(): Promise<{ violations: Finding[] }> } };

Deno.test("no page of the gallery has a style attribute or an inline script", async () => {
  const gallery = await makeGallery();
  for (const path of PAGES) {
    const text = await (await gallery.site.app.request(path)).text();
    assert.match(text, /<h1/);
    assert.doesNotMatch(text, /<[^>]+ style=/);
    assert.doesNotMatch(text, /<script(?![^>]*( src=|application\/json))/);
  }
  await gallery.remove();
  await stopBundler();
});

Deno.test({
  name: "gallery in a browser" + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const gallery = await makeGallery();
    const server = serveLocally((request) => gallery.site.app.fetch(request));
    const browser = await launchBrowser();
    try {
      for (const theme of ["light", "dark"]) {
        for (const path of PAGES) {
          await t.step(`${path} ${theme}: axe finds nothing, nothing is blocked, nothing runs over`, async () => {
            const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
            const problems: string[] = [];
            page.on("console", (message) => problems.push(message.text()));
            page.on("pageerror", (error) => problems.push(error.message));
            page.on("response", (response) => response.status() >= 400 && problems.push(response.url()));
            await page.goto(`${server.origin}${path}?theme=${theme}`);
            await page.waitForFunction("!document.querySelector('x-island:not([ready])')");
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate(() => (globalThis as unknown as typeof globalAxe).axe.run());
            assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
            for (const width of [1920, 1280, 640, 390, 320]) {
              await page.setViewportSize({ width, height: 800 });
              const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
              assert.ok(over <= 0, `${over} px too wide at ${width}`);
            }
            assert.deepEqual(problems, []);
            await page.close();
          });
        }
      }

      await t.step("the system's theme holds unless another was chosen", async () => {
        for (
          const [system, chosen, dark] of [["dark", "", true], ["light", "", false], ["dark", "light", false]] as const
        ) {
          const page = await browser.newPage({ colorScheme: system });
          await page.goto(`${server.origin}/?theme=${chosen}`);
          const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
          assert.equal(ground === "rgb(15, 20, 26)", dark, ground);
          await page.close();
        }
      });

      await t.step("by keyboard: skip link, search by /, dialog held and closed", async () => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        await page.goto(server.origin);
        await page.waitForFunction("!document.querySelector('x-island:not([ready])')");
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
        await page.keyboard.press("/");
        assert.equal(await page.evaluate(() => document.activeElement?.id), "search");
        await page.keyboard.type("/");
        assert.equal(await page.inputValue("#search"), "/");
        await page.focus("[commandfor=remove][command=show-modal]");
        await page.keyboard.press("Enter");
        await page.waitForSelector("dialog[open]");
        assert.ok(await page.evaluate(() => document.activeElement?.closest("dialog") !== null));
        await page.keyboard.press("Escape");
        await page.waitForSelector("dialog:not([open])", { state: "attached" });
        assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Remove 2 hosts");
        await page.close();
      });

      await t.step("times that the server rendered move on by its clock", async () => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        await page.clock.install({ time: "2001-01-01T00:00:00Z" });
        await page.goto(server.origin);
        await page.waitForFunction("!document.querySelector('x-island:not([ready])')");
        const first = page.locator("time[data-relative=relative]").first();
        assert.equal(await first.textContent(), "20 s ago");
        await page.clock.runFor(3 * 60_000);
        assert.equal(await first.textContent(), "3 min ago");
        await page.close();
      });

      await t.step("in a narrow window the rail is a menu", async () => {
        const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
        await page.goto(server.origin);
        assert.ok(await page.locator(".rail").isHidden());
        await page.click(".menu-button");
        assert.ok(await page.locator(".rail").isVisible());
        await page.keyboard.press("Escape");
        assert.ok(await page.locator(".rail").isHidden());
        await page.close();
      });

      await t.step("the product's own font is used and nothing moves after load", async () => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        await page.addInitScript(() => {
          const shifts = (globalThis as unknown as { shifts: number[] }).shifts = [];
          new PerformanceObserver((list) => shifts.push(...list.getEntries().map(() => 1) as never[]))
            .observe({ type: "layout-shift", buffered: true });
        });
        await page.goto(`${server.origin}/kitchen`);
        await page.waitForFunction("document.fonts.check('14px Inter') && document.readyState === 'complete'");
        assert.deepEqual(await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts), []);
        await page.close();
      });
    } finally {
      await browser.close();
      await server.stop();
      await gallery.remove();
      await stopBundler();
    }
  },
});
