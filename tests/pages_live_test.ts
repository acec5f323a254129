import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { giveApp } from "../testing/factors.ts";
import { signInOnPage } from "../testing/sign_in.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { waitFor } from "../testing/wait_for.ts";
import { answer } from "./pages/fleet.ts";
import { scenario } from "./pages/scenario.ts";
import { updates } from "./pages/updates.ts";
import { visit, type Visitor } from "./pages/visitor.ts";
import { openWire } from "./pages/wire.ts";

const missing = browserMissing();

const says = (page: Page, words: RegExp) =>
  page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector(".live")?.textContent ?? ""),
    words.source,
  );

/** What stands in the log, line by line. */
const logLines = (page: Page) => page.locator(".log-text").allTextContents();

async function seesLine(page: Page, line: string): Promise<void> {
  await page.waitForFunction(
    (line) => [...document.querySelectorAll(".log-text")].some((one) => one.textContent === line),
    line,
  );
}

/** A browser tries again at once when its machine says that it is online. */
const wake = (page: Page) => page.evaluate(() => void dispatchEvent(new Event("online")));

/** Errors of fetches and sockets over a cut line are Chromium's own words, and expected. */
function withoutNetwork({ problems }: Visitor): string[] {
  return problems.filter((problem) => !/ERR_CONNECTION|ERR_EMPTY_RESPONSE|WebSocket connection|ERR_SSL/.test(problem));
}

Deno.test({
  name: "open pages move by themselves" + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const { site, work, jobs, hosts, past } = made;
    await using wire = await openWire(site.port);
    const { token } = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    await using visitor = await visit(browser, site, { token, origin: wire.origin });
    const { page } = visitor;
    await work.claim();
    try {
      await t.step("a running job: it is live, progress and log follow, the log stays at its end", async () => {
        await visitor.go(`/jobs/${jobs.live}`);
        await says(page, /^Live$/);
        assert.equal(await page.getAttribute("#job-progress", "value"), "41");
        const before = await logLines(page);
        await work.say(jobs.live, hosts.many, {
          progress: 57,
          message: "Setting up openssl",
          output: "Setting up openssl (3.0.17-1~deb12u3) ...\nSetting up curl",
        });
        await seesLine(page, "Setting up curl");
        assert.equal(await page.getAttribute("#job-progress", "value"), "57");
        assert.ok(await page.locator("text=Setting up openssl").first().isVisible());
        await work.say(jobs.live, hosts.many, { output: " (7.88.1-10+deb12u14) ...\n" });
        await seesLine(page, "Setting up curl (7.88.1-10+deb12u14) ...");
        assert.equal((await logLines(page)).length, before.length + 2, "a line that came in two pieces is one line");
        const left = await page.locator(".log-lines").evaluate((lines) =>
          lines.scrollHeight - lines.scrollTop - lines.clientHeight
        );
        assert.ok(left < 2, `${left} px above the end`);
      });

      await t.step("somebody who has scrolled up to read is left there", async () => {
        const lines = page.locator(".log-lines");
        await lines.evaluate((element) => element.scrollTop = 100);
        await page.waitForFunction(() => document.querySelector(".log-lines")!.scrollTop === 100);
        await work.say(jobs.live, hosts.many, { output: "Setting up git ...\n" });
        await seesLine(page, "Setting up git ...");
        assert.equal(await lines.evaluate((element) => element.scrollTop), 100);
      });

      await t.step("a piece too large for an event is read from the log", async () => {
        const large = Array.from({ length: 2_000 }, (_, index) => `line ${index} ${"x".repeat(40)}`).join("\n") + "\n";
        await work.say(jobs.live, hosts.many, { output: large });
        await work.say(jobs.live, hosts.many, { output: "after the large piece\n" });
        await seesLine(page, "after the large piece");
        const lines = await logLines(page);
        assert.equal(lines.filter((line) => line.startsWith("line 1999 ")).length, 1);
        assert.equal(lines.at(-1), "after the large piece");
      });

      await t.step("a line that is cut: reconnecting, then since when it stands still; nothing is lost", async () => {
        wire.cut();
        await says(page, /^Reconnecting/);
        await work.say(jobs.live, hosts.many, { progress: 70, output: "said while nobody listened, first\n" });
        await work.say(jobs.live, hosts.many, { progress: 72, output: "said while nobody listened, second\n" });
        await waitFor("the page to say that it stands still", async () => {
          await wake(page);
          return /^Standing still.*last change/.test(await page.locator(".live").textContent() ?? "");
        }, { every_ms: 100 });
        assert.equal(await page.getAttribute("#job-progress", "value"), "57");
        wire.mend();
        await wake(page);
        await says(page, /^Live$/);
        await seesLine(page, "said while nobody listened, second");
        const lines = (await logLines(page)).filter((line) => line.startsWith("said while"));
        assert.deepEqual(lines, ["said while nobody listened, first", "said while nobody listened, second"]);
        assert.equal(await page.getAttribute("#job-progress", "value"), "72");
      });

      await t.step("the end: state, verdict and outcomes come without a reload, and the focus stays", async () => {
        await page.evaluate(() => ((globalThis as unknown as { mine: boolean }).mine = true));
        const link = page.locator(`.section-head a[href="/hosts/${hosts.many}"]`);
        await link.focus();
        await work.move(jobs.live, hosts.many, "verifying", { message: "Reading the package database." });
        await page.waitForSelector("text=Verifying");
        const patches = await work.outcomes(jobs.live, hosts.many);
        await work.move(jobs.live, hosts.many, "succeeded", { progress: 100, patches });
        await page.waitForSelector("text=Everything that was ordered is installed.");
        await page.waitForFunction(() => !document.querySelector("tbody")?.textContent?.includes("ordered"));
        assert.equal(await page.evaluate(() => (globalThis as unknown as { mine?: boolean }).mine), true, "no reload");
        assert.equal(
          await page.evaluate(() => document.activeElement?.getAttribute("href")),
          `/hosts/${hosts.many}`,
        );
        assert.equal(await page.locator(".live").count(), 0, "what has ended does not say that it is live");
      });

      await t.step("a batch: each host's row and the counts follow", async () => {
        await visitor.go(`/jobs/${jobs.batch}`);
        await says(page, /^Live$/);
        await work.say(jobs.batch, hosts.web2, { progress: 88, message: "Setting up libcurl4" });
        const row = page.locator("tr", { hasText: "web-02.example.org" });
        await row.locator("text=88 %").waitFor();
        await row.locator("text=Setting up libcurl4").waitFor();
        await work.move(jobs.batch, hosts.web4, "running", { started: true });
        await page.locator(".parts-words li", { hasText: "Running" }).locator("text=2").waitFor();
        await page.locator("tr", { hasText: "web-04" }).locator("text=Running").waitFor();
      });

      await t.step("hosts: rows follow, what was ticked stays ticked, what is typed stays typed", async () => {
        await visitor.go("/hosts");
        await says(page, /^Live$/);
        // What is typed filters at once; the bar of what is chosen stands in its place afterwards.
        await page.fill("form[aria-label=Filters] input[type=search]", "web-0");
        await page.check("input[aria-label='Choose web-06.example.org']");
        const name = "web-06.example.org";
        await answer(site.database, past, hosts.web6, {
          name,
          address: "10.20.1.16",
          simulated: true,
          seen: 0,
          problems: ["The disk is nearly full. Free some space on the host."],
          updates: updates("openssl", "curl", "tzdata"),
        });
        await past.at(0);
        const row = page.locator("tr", { hasText: name });
        await row.locator("text=Degraded").waitFor();
        assert.match(await row.textContent() ?? "", /Degraded.*32/, "three updates, two of them security");
        assert.ok(await page.isChecked("input[aria-label='Choose web-06.example.org']"));
        assert.equal(await page.inputValue("form[aria-label=Filters] input[type=search]"), "web-0");
      });

      await t.step("a host's page renews itself, but not while somebody types there", async () => {
        await visitor.go(`/hosts/${hosts.web6}?tab=packages`);
        await says(page, /^Live$/);
        const field = page.locator("input[name=search]");
        await field.fill("lib");
        await field.focus();
        const plan = { name: "web-06.example.org", address: "10.20.1.16", seen: 0, updates: updates("openssl", "git") };
        await answer(site.database, past, hosts.web6, { ...plan, simulated: true });
        await past.at(0);
        // Its own news has come when this other page has renewed itself.
        await using other = await visit(browser, site, { token });
        await other.go(`/hosts/${hosts.web6}`);
        await says(other.page, /^Live$/);
        assert.match(await page.locator("h1 + *").textContent() ?? "", /Degraded/);
        assert.equal(await field.inputValue(), "lib");
        await page.locator("h1").click();
        await page.locator(".page-head-title >> text=Healthy").waitFor();
        assert.match(await page.locator(".page-head-state").textContent() ?? "", /^2 updates/);
      });

      await t.step("the list of jobs follows", async () => {
        await visitor.go("/jobs");
        await says(page, /^Live$/);
        const job_id = await work.order({ host_ids: [hosts.app1], reason: "made elsewhere" });
        await page.locator(`a[href="/jobs/${job_id}"]`).waitFor();
      });

      await t.step("a session that ended elsewhere leads to the login page, and back", async () => {
        await visitor.go(`/jobs/${jobs.batch}`);
        await says(page, /^Live$/);
        const { status } = await site.client({ cookie: `__Host-access=${token}`, origin: site.origin })
          .send({ method: "POST", path: "/logout", body: "", headers: FORM });
        assert.equal(status, 303);
        await page.waitForURL(/\/login\?next=/);
        await site.database.sql`update passwords set must_change = false`;
        const { username, password } = made.first_admin;
        const [{ id }] = await site.database.sql`select id from users where username = ${username}`;
        await signInOnPage(page, { username, password, app: await giveApp(site.services, id) });
        await page.waitForURL(`**/jobs/${jobs.batch}`);
        await says(page, /^Live$/);
      });
      assert.deepEqual(withoutNetwork(visitor), []);
    } finally {
      await browser.close();
    }
  },
});

const FORM = { "content-type": "application/x-www-form-urlencoded" };
