import assert from "node:assert/strict";
import axe from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import { realHostPaths } from "../demo/hosts.ts";
import { sandboxEnvironment, sandboxMissing } from "../demo/sandbox.ts";
import { type TestApp, testApp } from "../testing/factors.ts";
import { freePort } from "../testing/free_port.ts";
import { signInOnPage } from "../testing/sign_in.ts";
import { testFolder } from "../testing/test_folder.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { startDemo } from "./demo_fixture_test.ts";

/**
 * The journey of a newcomer: the demo as its README starts it, a browser, the real apt host, from the first login to
 * an applied security update, with every count compared with apt's own answer.
 */
const missing = browserMissing()
  ? "left out: /usr/bin/chromium is missing"
  : Deno.env.get("TEST_REQUIRE") === "all"
  ? null
  : await sandboxMissing().then((reason) => reason && `left out: ${reason}`);

const HOST = "real-apt.demo.internal";
const PASSWORD = "stapler wobbles quietly";

interface Journey extends AsyncDisposable {
  url: string;
  password: string;
  app: TestApp;
  state: string;
}

/** Starts the demo as the task does, and reads from its words what a person reads. */
async function startJourney(): Promise<Journey> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await testFolder("journey-"));
  const state = `${path}/demo`;
  const demo = stack.use(startDemo("--state", state, "--port", String(freePort()), "--hosts", "3"));
  const [, url] = await demo.says(/Open +(https:\S+)/);
  const [, password] = await demo.says(/Password +(\S+)/);
  const [, secret] = await demo.says(/Secret +((?:[A-Z2-7]{4} ?){8})/);
  const app = testApp(secret.replaceAll(" ", ""));
  const kept = stack.move();
  return { url, password, app, state, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What apt itself answers in the sandbox. */
async function apt(state: string, program: string, args: string[]): Promise<string> {
  const { root } = realHostPaths(state);
  const { stdout, success, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: sandboxEnvironment(root),
    cwd: "/",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Names and versions that apt would upgrade now, new dependencies left out. */
async function aptUpgrades(state: string): Promise<Map<string, string>> {
  const args = ["-s", "-q=2", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=0"];
  const text = await apt(state, "/usr/bin/apt-get", [...args, "--with-new-pkgs", "upgrade"]);
  return new Map([...text.matchAll(/^Inst (\S+) \[[^\]]+\] \((\S+) /gm)].map(([, name, version]) => [name, version]));
}

async function installed(state: string, name: string): Promise<string> {
  const { root } = realHostPaths(state);
  const args = [`--admindir=${root}/var/lib/dpkg`, "-W", "-f=${Version} ${db:Status-Abbrev}", name];
  return (await apt(state, "/usr/bin/dpkg-query", args)).trim();
}

async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  // deno-lint-ignore no-explicit-any -- axe lives in the page
  const { violations } = await page.evaluate(() => (globalThis as any).axe.run());
  const words = violations.map((one: { id: string; nodes: { html: string }[] }) => `${one.id}: ${one.nodes[0]?.html}`);
  assert.deepEqual(words, [], `${page.url()} has accessibility findings`);
}

/** Errors that the browser told of; a page that works has none. */
function watchErrors(context: BrowserContext): string[] {
  const errors: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  context.on("weberror", (error) => errors.push(error.error().message));
  return errors;
}

Deno.test({
  name: `from the first login to an applied security update on a real apt host${missing ? ` (${missing})` : ""}`,
  ignore: missing !== null,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using demo = await startJourney();
    const browser = await launchBrowser();
    try {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } });
      const errors = watchErrors(context);
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);

      // Without the code of the app the password opens nothing, and with it the page where it is changed.
      await page.goto(demo.url);
      await signInOnPage(page, { username: "admin", ...demo });
      await page.waitForURL(/\/password/);
      await page.goto(`${demo.url}/hosts`);
      await page.waitForURL(/\/password/);
      await page.getByLabel("One-time password").fill(demo.password);
      await page.getByLabel("New password").fill(PASSWORD);
      await page.getByLabel("The same again").fill(PASSWORD);
      await page.getByRole("button", { name: "Change password" }).click();
      await page.waitForURL("**/dashboard");
      await page.getByRole("navigation").getByRole("link", { name: /^Hosts\b/ }).click();
      await page.waitForURL("**/hosts");

      // The list: one real host, three marked as simulated; its row fills in while the page is open.
      const row = page.getByRole("row").filter({ hasText: HOST });
      await row.getByText("Healthy").waitFor();
      assert.equal(await row.getByText("simulated").count(), 0, "the real host is not marked");
      assert.equal(await page.getByRole("row").filter({ hasText: "simulated" }).count(), 3);
      await assertAccessible(page);

      // Its page says what apt says.
      await page.getByRole("link", { name: HOST }).click();
      await page.getByRole("heading", { name: HOST }).waitFor();
      const upgrades = await aptUpgrades(demo.state);
      const deploy = page.getByRole("link", { name: `Deploy ${upgrades.size} updates` });
      await deploy.waitFor();
      for (const [name, version] of upgrades) {
        const line = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name, exact: false }) });
        assert.ok((await line.first().innerText()).includes(version), `${name} ${version}`);
      }
      await assertAccessible(page);

      // Deploy: only the security updates stay ticked.
      await deploy.click();
      await page.getByRole("heading", { name: `Deploy to ${HOST}` }).waitFor();
      await page.locator("x-island[name=deploy_review][ready]").waitFor({ state: "attached" });
      const lines = page.getByRole("table", { name: "Updates to install" }).getByRole("row");
      const security: string[] = [];
      for (const line of (await lines.all()).slice(1)) {
        // The name stands first in its cell; where it comes from may stand below.
        const name = (await line.getByRole("rowheader").innerText()).split("\n")[0].trim();
        if (await line.getByText("security").count() > 0) security.push(name);
        else await line.getByRole("checkbox").uncheck();
      }
      assert.equal(security.length, 5, security.join(", "));
      await assertAccessible(page);

      // The dry run asks the host and changes nothing.
      await page.getByRole("button", { name: "Dry run" }).click();
      await page.waitForURL("**/jobs/*");
      await page.getByText("Nothing was changed.").waitFor();
      for (const name of security) {
        const before = await installed(demo.state, name);
        assert.ok(!before.startsWith(`${upgrades.get(name)} `), `${name} is still at ${before}`);
        await page.getByRole("rowheader", { name }).waitFor();
      }
      await assertAccessible(page);

      // The real thing, watched to its end.
      await page.getByRole("link", { name: "Deploy these updates" }).click();
      await page.locator("x-island[name=deploy_review][ready]").waitFor({ state: "attached" });
      await page.getByRole("button", { name: `Apply 5 updates to ${HOST} now …` }).click();
      await page.getByRole("dialog").getByRole("button", { name: `Apply 5 updates to ${HOST} now` }).click();
      await page.waitForURL("**/jobs/*");
      await page.getByText("Everything that was ordered is installed.").waitFor();
      await page.getByRole("log").getByText("Setting up tessera-tools").first().waitFor();
      for (const name of security) {
        assert.equal(await installed(demo.state, name), `${upgrades.get(name)} ii`, "dpkg agrees");
      }
      await assertAccessible(page);

      // The host's page knows: no security update is left, and the rest is what apt still offers.
      await page.getByRole("link", { name: HOST }).first().click();
      const left = await aptUpgrades(demo.state);
      assert.equal(left.size, upgrades.size - security.length);
      await page.getByRole("link", { name: `Deploy ${left.size} updates` }).waitFor();
      await page.getByText("reboot due").first().waitFor();
      assert.equal(await page.getByRole("table").getByText("security", { exact: true }).count(), 0);

      assert.deepEqual(errors, [], "the browser met no error and no violation of the content policy");
    } finally {
      await browser.close();
    }
  },
});
