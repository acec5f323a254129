import assert from "node:assert/strict";
import jsQR from "jsqr";
import type { CDPSession, Page } from "playwright-core";
import { systemClock } from "../core/clock.ts";
import { giveApp, testApp } from "../testing/factors.ts";
import { fakeClock } from "../testing/fake_clock.ts";
import { giveCodeOnPage, signInOnPage } from "../testing/sign_in.ts";
import { TEST_PASSWORD } from "../testing/site.ts";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite, scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit, type Visitor } from "./pages/visitor.ts";

const missing = browserMissing();
const journey = (name: string, fn: (t: Deno.TestContext) => Promise<void>) =>
  Deno.test({
    name: name + (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
    ignore: missing,
    sanitizeOps: false,
    sanitizeResources: false,
    fn,
  });

/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");
const OWN = "lantern orbit walnut ferry";

/** What a phone's camera reads off the screen: the picture, not the markup. */
async function scan(page: Page): Promise<URL> {
  const picture = await page.evaluate(async () => {
    const svg = document.querySelector(".qr")!;
    const box = svg.getBoundingClientRect();
    const image = new Image();
    image.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(svg));
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.round(box.width) * 2;
    const context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return { side: canvas.width, pixels: [...context.getImageData(0, 0, canvas.width, canvas.height).data] };
  });
  const read = jsQR.default(new Uint8ClampedArray(picture.pixels), picture.side, picture.side);
  assert.ok(read, "the code can be read");
  return new URL(read.data);
}

const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();

/** An authenticator inside the browser, as laptops have one. */
async function authenticator(visitor: Visitor, isUserVerified = true): Promise<CDPSession> {
  const cdp = await visitor.context.newCDPSession(visitor.page);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true,
    },
  });
  return cdp;
}

/** Signs out, with no page open that keeps itself live and would notice. */
async function leave({ page, context }: Visitor): Promise<void> {
  const { origin } = new URL(page.url());
  await page.goto("/password");
  const answer = await context.request.post("/logout", { headers: { origin }, form: {}, maxRedirects: 0 });
  assert.equal(answer.status(), 303);
}

async function sound(visitor: Visitor, what: string): Promise<void> {
  await visitor.awake();
  await assertFits(visitor, what);
  await assertAccessible(visitor, what);
  if (SHOTS) await visitor.page.screenshot({ path: `${SHOTS}/factors-${what}.png`, fullPage: true });
}

journey("first start, password, the app by its QR code, recovery code, and the last factor that stays", async () => {
  await using made = await scenario();
  const { site, first_admin } = made;
  const browser = await launchBrowser();
  try {
    await using visitor = await visit(browser, site);
    const { page, problems } = visitor;
    await visitor.go("/jobs");
    await page.getByLabel("User name").fill(first_admin.username);
    await page.getByLabel("Password").fill(first_admin.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByLabel("One-time password").fill(first_admin.password);
    await page.getByLabel("New password").fill(OWN);
    await page.getByLabel("The same again").fill(OWN);
    await page.getByRole("button", { name: "Change password" }).click();
    await heading(page, "Set up a second factor");
    for (const closed of ["/hosts", "/profile/factors", "/confirm", "/login/factor"]) {
      const { status, location } = await page.request.get(closed, { maxRedirects: 0 })
        .then((answer) => ({ status: answer.status(), location: answer.headers().location }));
      assert.deepEqual({ status, location }, { status: 303, location: "/setup" }, closed);
    }
    await sound(visitor, "setup");
    await page.getByRole("link", { name: "Authenticator app" }).click();
    await heading(page, "Set up an authenticator app");
    await sound(visitor, "setup-app");
    const uri = await scan(page);
    const app = testApp(uri.searchParams.get("secret")!);
    assert.equal(
      (await page.locator("#secret").innerText()).replaceAll(" ", ""),
      app.secret,
      "scanned and typed alike",
    );
    await page.getByLabel("Code that the app shows now").fill(app.code());
    await page.getByRole("button", { name: "Confirm the code" }).click();
    await heading(page, "Keep your recovery codes");
    await sound(visitor, "recovery-codes");
    const codes = await page.locator(".codes li").allInnerTexts();
    assert.equal(new Set(codes).size, 10);
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download" }).click();
    const file = await Deno.readTextFile(await (await download).path());
    for (const code of codes) assert.ok(file.includes(code));
    await page.getByLabel("I have kept these codes").check();
    await page.getByRole("button", { name: "Go on to Linux Patch Manager" }).click();
    await heading(page, "Jobs");

    // The next day: the code, and when the phone is lost a recovery code.
    await leave(visitor);
    await visitor.go("/groups");
    await signInOnPage(page, { username: first_admin.username, password: OWN, app });
    await heading(page, "Groups");
    await leave(visitor);
    await visitor.go("/groups");
    await page.getByLabel("User name").fill(first_admin.username);
    await page.getByLabel("Password").fill(OWN);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await heading(page, "Second factor");
    await sound(visitor, "factor");
    await page.getByRole("link", { name: "Use a recovery code instead" }).click();
    await heading(page, "Recovery code");
    await sound(visitor, "recovery");
    await page.getByLabel("Recovery code").fill(codes[4].toUpperCase());
    await page.getByRole("button", { name: "Sign in with this code" }).click();
    await heading(page, "Second factor");
    await page.getByText("You used a recovery code: 9 of 10 are left.").waitFor();
    assert.equal(await page.getByText("Remove …").count(), 0, "the last factor stays");
    await sound(visitor, "profile-factors");
    await page.getByRole("link", { name: "Go on to where you wanted" }).click();
    await heading(page, "Groups");
    assert.deepEqual(problems, []);
  } finally {
    await browser.close();
  }
});

journey("a passkey: set up, alone at the login, as second factor, to confirm, renamed and removed", async () => {
  const clock = fakeClock(String(systemClock.now()));
  await using site = await emptySite({ clock });
  const { username } = await site.signIn("operator", { kind: "browser" });
  const browser = await launchBrowser();
  try {
    await using visitor = await visit(browser, site);
    const { page, problems } = visitor;
    await authenticator(visitor);
    await visitor.go("/hosts");
    const password = async () => {
      await page.getByLabel("User name").fill(username);
      await page.getByLabel("Password").fill(TEST_PASSWORD);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
    };
    await password();
    await page.getByRole("link", { name: "Passkey" }).click();
    await heading(page, "Set up a passkey");
    await sound(visitor, "setup-passkey");
    await page.getByRole("button", { name: "Create the passkey" }).click();
    await heading(page, "Set up a passkey");
    await page.getByLabel("Name").fill("Work laptop");
    await page.getByRole("button", { name: "Create the passkey" }).click();
    await heading(page, "Keep your recovery codes");
    await page.getByLabel("I have kept these codes").check();
    await page.getByRole("button", { name: "Go on to Linux Patch Manager" }).click();
    await heading(page, "Hosts");

    await leave(visitor);
    await visitor.go("/groups");
    await sound(visitor, "login");
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await heading(page, "Groups");

    await leave(visitor);
    await visitor.go("/groups");
    await password();
    await heading(page, "Second factor");
    await visitor.awake();
    assert.equal(await page.getByLabel("Code").count(), 0, "there is no app to take a code from");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await heading(page, "Groups");

    // Longer ago than ten minutes: what changes factors asks again, and comes back.
    clock.advance({ minutes: 11 });
    await visitor.go("/profile/factors/app");
    await heading(page, "Confirm that it is you");
    await sound(visitor, "confirm");
    await page.getByRole("button", { name: "Confirm with a passkey" }).click();
    await heading(page, "Set up an authenticator app");
    await visitor.awake();
    const app = testApp((await scan(page)).searchParams.get("secret")!, clock);
    await page.getByLabel("Code that the app shows now").fill(app.code());
    await page.getByRole("button", { name: "Confirm the code" }).click();
    await page.getByText("The authenticator app is set up.").waitFor();
    await sound(visitor, "profile-factors");

    await page.getByRole("button", { name: "Rename Work laptop" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("Old laptop");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("The passkey has its new name.").waitFor();
    await page.getByRole("button", { name: "Remove Old laptop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove Old laptop" }).click();
    await page.getByText("It is removed.").waitFor();
    await page.getByRole("heading", { name: "No passkey so far" }).waitFor();
    assert.deepEqual(problems, []);

    await leave(visitor);
    await visitor.go("/groups");
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByText("The passkey was not accepted.").waitFor();
    await page.getByRole("link", { name: "Back to signing in" }).click();
    await password();
    await giveCodeOnPage(page, app);
    await heading(page, "Groups");
  } finally {
    await browser.close();
  }
});

journey("what is refused until one has confirmed loses nothing, with and without script", async (t) => {
  const clock = fakeClock(String(systemClock.now()));
  await using site = await emptySite({ clock });
  const browser = await launchBrowser();
  try {
    for (const scripts of [true, false]) {
      await t.step(scripts ? "with script" : "without", async () => {
        const { token, user_id } = await site.signIn("admin", { kind: "browser" });
        const app = await giveApp(site.services, user_id, clock);
        await using visitor = await visit(browser, site, { token, scripts });
        const { page } = visitor;
        await visitor.go("/profile/factors");
        clock.advance({ minutes: 11 });
        await page.getByRole("button", { name: "Make ten new codes, the old ones end" }).click();
        await heading(page, "Confirm that it is you");
        await page.getByText("What you entered is kept.").waitFor();
        await page.getByLabel("Password").fill("not the password");
        await page.getByLabel("Code").fill(app.code());
        await page.getByRole("button", { name: "Confirm", exact: true }).click();
        await page.getByText("Password or code is wrong.").waitFor();
        await page.getByLabel("Password").fill(TEST_PASSWORD);
        await page.getByLabel("Code").fill(app.code());
        await page.getByRole("button", { name: "Confirm", exact: true }).click();
        await heading(page, "Confirmed");
        await assertFits(visitor, "confirmed");
        if (scripts) await sound(visitor, "confirmed");
        await page.getByRole("button", { name: "Do now what I asked for" }).click();
        await heading(page, "Keep your recovery codes");
        assert.equal(await page.locator(".codes li").count(), 10);
      });
    }
  } finally {
    await browser.close();
  }
});

journey("by address there are no passkeys, and the page says why", async () => {
  await using site = await emptySite({ public_url: "https://10.20.0.1:8443" });
  const newcomer = await site.signIn("admin", { kind: "browser", stage: "enrol" });
  for (const path of ["/login", "/setup", "/setup/passkey"]) {
    const { text } = path === "/login" ? await site.anonymous.get(path) : await newcomer.get(path);
    assert.doesNotMatch(text, /passkey_button/, path);
    if (path !== "/login") {
      assert.match(text, /Passkeys need a name, and this manager is reached by an address only/, path);
    }
  }
});
