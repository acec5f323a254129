import { fileURLToPath } from "node:url";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { testApp } from "../testing/factors.ts";
import { freePort } from "../testing/free_port.ts";
import { signInOnPage } from "../testing/sign_in.ts";
import { testFolder } from "../testing/test_folder.ts";
import { startDemo } from "../tests/demo_fixture_test.ts";
import { launchBrowser } from "../web/browser.ts";
import { palettePng } from "./palette_png.ts";

/**
 * Takes the pictures of docs/images from the demo, as a newcomer sees it: the dashboard, the hosts, and a job while it
 * runs, each in both themes. Starts a demo of its own, always with the same simulated fleet, and forgets it.
 *
 *     deno task pictures [FOLDER]
 */
const FOLDER = resolve(Deno.args[0] ?? fileURLToPath(new URL("../docs/images", import.meta.url)));
/** Bytes of the largest picture that the project keeps. */
const MOST = 200_000;
const PASSWORD = "a picture of violet tractors";
/** For a start on a busy machine, and for a fleet's first minutes: the host that is down has to be silent for a while. */
const READY_MS = 300_000;

await using stack = new AsyncDisposableStack();
const { path } = stack.use(await testFolder("pictures-"));
const demo = stack.use(startDemo("--state", `${path}/demo`, "--port", String(freePort())));
const [, url] = await demo.says(/Open +(https:\S+)/, READY_MS);
const [, password] = await demo.says(/Password +(\S+)/);
const [, secret] = await demo.says(/Secret +((?:[A-Z2-7]{4} ?){8})/);
const browser = await launchBrowser();
stack.defer(() => browser.close());
// Somewhat finer than a page of the documentation shows it, for screens with small pixels.
const context = await browser.newContext({
  ignoreHTTPSErrors: true,
  viewport: { width: 1280, height: 800 },
  deviceScaleFactor: 1.5,
  // Else the second theme is taken while the colours of the first still fade.
  reducedMotion: "reduce",
});
const page = await context.newPage();
page.setDefaultTimeout(60_000);

await page.goto(url);
await signInOnPage(page, { username: "admin", password, app: testApp(secret.replaceAll(" ", "")) });
await page.waitForURL(/\/password/);
await page.getByLabel("One-time password").fill(password);
await page.getByLabel("New password").fill(PASSWORD);
await page.getByLabel("The same again").fill(PASSWORD);
await page.getByRole("button", { name: "Change password" }).click();
await page.waitForURL("**/dashboard");

await page.getByText("Went silent", { exact: true }).waitFor({ timeout: READY_MS });
await take(page, "dashboard");
await page.goto(`${url}/hosts`);
await take(page, "hosts");

await page.goto(`${url}/deploy?status=security&security=1`);
await page.locator("x-island[name=deploy_review][ready]").waitFor({ state: "attached" });
await page.getByRole("button", { name: /^Apply .* now …$/ }).click();
const dialog = page.getByRole("dialog");
await dialog.getByLabel(/^Reason/).fill("Monthly round of security updates");
await dialog.getByRole("button", { name: /^Apply .* now$/ }).click();
await page.waitForURL("**/jobs/*");
// Some hosts are done, some at work and some have their turn ahead.
await page.getByText("Succeeded", { exact: true }).first().waitFor({ timeout: READY_MS });
await take(page, "job-live");

/** The page as it stands, in both themes. */
async function take(page: Page, name: string): Promise<void> {
  await page.getByText("Live", { exact: true }).first().waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const file = join(FOLDER, `${name}-${colorScheme}.png`);
    const picture = palettePng(await page.screenshot());
    await Deno.writeFile(file, picture);
    console.log(`${file}: ${Math.ceil(picture.length / 1_000)} KB`);
    if (picture.length > MOST) throw new Error(`${file} has ${picture.length} bytes, at most ${MOST} are kept.`);
  }
}
