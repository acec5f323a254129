import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { stopBundler } from "../scripts/build.ts";
import { browserMissing, launchBrowser, serveLocally } from "../web/browser.ts";
import { makeFixture } from "../web/testdata/fixture.ts";
import { gate } from "../web/testdata/gate.ts";

const missing = browserMissing();

Deno.test({
  name: "site in a browser" + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const fixture = await makeFixture();
    const requests: string[] = [];
    const slowAnswered = Promise.withResolvers<void>();
    let build = "";
    const server = serveLocally(async (request) => {
      requests.push(`${request.headers.get("sec-fetch-dest")} ${new URL(request.url).pathname}`);
      const response = await fixture.site.app.fetch(request);
      if (new URL(request.url).pathname === "/slow") slowAnswered.resolve();
      if (!build || !response.headers.get("content-type")?.startsWith("text/html")) return response;
      const text = (await response.text()).replace(/<meta name="build" content="[^"]*">/, build);
      return new Response(text, response);
    });
    const browser = await launchBrowser();
    const problems: string[] = [];
    const open = async (path = "/", scripts = true): Promise<Page> => {
      const context = await browser.newContext({ javaScriptEnabled: scripts, viewport: { width: 800, height: 600 } });
      const page = await context.newPage();
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(server.origin + path);
      if (scripts) await page.waitForFunction("!document.querySelector('x-island:not([ready])')");
      return page;
    };
    const documents = () => requests.filter((line) => line.startsWith("document")).length;
    const h1 = (page: Page, words: string) =>
      page.waitForFunction((w) => document.querySelector("h1")?.textContent === w, words);
    try {
      await t.step("without script: links, a GET form and a POST form work", async () => {
        const page = await open("/", false);
        await page.fill("#tab", "log");
        await page.click("#filter button");
        assert.equal(await page.textContent("#tab-shown"), "log");
        await page.click("#rename");
        assert.equal(await page.textContent("[role=alert]"), "A host needs a name.");
        await page.fill("[name=name]", "web-1");
        await page.click("#rename");
        assert.equal(new URL(page.url()).pathname, "/hosts/7");
        assert.equal(await page.locator("[role=alert]").count(), 0);
        await page.context().close();
        // A form that was refused with 422 says so in Chromium's console; that is no problem of the page.
        problems.length = 0;
      });

      await t.step("islands wake up with rich props, and share a signal", async () => {
        const page = await open();
        await page.click("#a");
        await page.click("#b");
        assert.equal(await page.textContent("#a"), "5 since 1970-01-01T00:00:00.000Z");
        assert.equal(await page.textContent("#b"), "5 since 1970-01-01T00:00:00.000Z");
        assert.equal(await page.textContent("#c"), "10 since 1970-01-01T00:00:00.000Z");
        await page.context().close();
      });

      await t.step("children of an island stay the server's, and islands among them wake up too", async () => {
        const page = await open();
        await page.evaluate(() => ((document.getElementById("kept") as unknown as { mine: boolean }).mine = true));
        await page.click("#c");
        await page.click("#fold");
        assert.ok(await page.locator("#folded").isHidden());
        await page.click("#fold");
        assert.equal(await page.textContent("#c"), "11 since 1970-01-01T00:00:00.000Z");
        assert.equal(
          await page.evaluate(() => (document.getElementById("kept") as unknown as { mine: boolean }).mine),
          true,
        );
        assert.equal(await page.textContent("#fold"), "More </script><b>bold</b>");
        await page.context().close();
      });

      await t.step(
        "a link swaps the page: one document, new title, focus on the heading, words for readers",
        async () => {
          const page = await open();
          const before = documents();
          await page.click("#host");
          await h1(page, "Host 7");
          assert.equal(await page.title(), "Host 7");
          assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
          assert.equal(await page.textContent("#announcer"), "Host 7");
          assert.equal(await page.getAttribute("#announcer", "role"), "status");
          await page.waitForSelector("x-island[ready] #d");
          await page.click("#d");
          assert.match(await page.textContent("#d") ?? "", /^101 /);
          assert.equal(documents(), before);
          await page.context().close();
        },
      );

      await t.step("back and forward restore page and position without loading a document", async () => {
        const page = await open();
        const before = documents();
        await page.evaluate(() => scrollTo(0, 1200));
        await page.waitForFunction(() => history.state?.scroll === 1200);
        await page.evaluate(() => document.getElementById("far")!.click());
        await h1(page, "Host 8");
        assert.equal(await page.evaluate(() => scrollY), 0);
        await page.goBack();
        await h1(page, "Home");
        await page.waitForFunction(() => scrollY === 1200);
        await page.waitForSelector("x-island[ready] #a");
        await page.goForward();
        await h1(page, "Host 8");
        assert.equal(documents(), before);
        await page.context().close();
      });

      await t.step("a filter form goes by GET, leaves empty fields out and keeps the focus", async () => {
        const page = await open();
        const before = documents();
        await page.fill("#tab", "a b&c");
        await page.press("#tab", "Enter");
        await h1(page, "Host 7");
        assert.equal(new URL(page.url()).search, "?tab=a+b%26c");
        assert.equal(await page.textContent("#tab-shown"), "a b&c");
        assert.equal(await page.evaluate(() => document.activeElement?.id), "tab");
        assert.equal(documents(), before);
        await page.context().close();
      });

      await t.step("an island can navigate; an anchor stays with the browser", async () => {
        const page = await open();
        const before = documents();
        await page.click("#jump");
        await page.waitForFunction(() => scrollY > 1000);
        assert.equal(new URL(page.url()).hash, "#bottom");
        await page.click("#go");
        await h1(page, "Host 9");
        assert.equal(documents(), before);
        await page.context().close();
      });

      await t.step("a slow page shows that it is under way; a newer click wins", async () => {
        const page = await open();
        await page.click("#slow");
        await page.waitForSelector("main .navigation-progress");
        assert.equal(await page.getAttribute("main", "aria-busy"), "true");
        await page.click("#host");
        await h1(page, "Host 7");
        await page.waitForSelector(".navigation-progress", { state: "detached" });
        gate.resolve();
        await slowAnswered.promise;
        // One more round trip, so that an answer taken late would have been shown by now.
        await page.evaluate(async () => void await (await fetch("/bare")).text());
        assert.equal(await page.textContent("h1"), "Host 7");
        await page.click("#slow");
        await h1(page, "Slow");
        assert.equal(await page.getAttribute("main", "aria-busy"), null);
        await page.context().close();
      });

      await t.step("a page of another build is loaded whole", async () => {
        const page = await open();
        const before = documents();
        build = '<meta name="build" content="other">';
        await page.click("#host");
        await h1(page, "Host 7");
        await page.waitForFunction("document.readyState === 'complete'");
        assert.equal(documents(), before + 1);
        build = "";
        await page.context().close();
      });

      await t.step("nothing was blocked by the policy, nothing was thrown", () => assert.deepEqual(problems, []));

      await t.step("the policy does stop what is inline, and this test would see it", async () => {
        const page = await open();
        await page.evaluate(() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken over'";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", '<p style="color: red">inline</p>');
        });
        assert.equal(await page.title(), "Home");
        assert.equal(problems.filter((words) => words.includes("Content Security Policy")).length, 2);
        await page.context().close();
      });

      await t.step("an error page is swapped in like any other", async () => {
        const page = await open();
        await page.evaluate(() => document.getElementById("host")!.setAttribute("href", "/hosts/0"));
        await page.click("#host");
        await h1(page, "Problem 404");
        assert.equal(new URL(page.url()).pathname, "/hosts/0");
        await page.context().close();
      });
    } finally {
      await browser.close();
      await server.stop();
      await fixture.remove();
      await stopBundler();
    }
  },
});
