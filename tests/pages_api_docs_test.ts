import assert from "node:assert/strict";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { emptySite } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";

const missing = browserMissing();
/** Where pictures go, for a person to look at; without it none are made. */
const SHOTS = Deno.env.get("PAGES_SHOTS");

Deno.test("the API's page is for admins, and only they find the way to it", async () => {
  await using site = await emptySite();
  for (const [role, status] of [["admin", 200], ["operator", 403], ["auditor", 403]] as const) {
    const caller = await site.signIn(role, { kind: "browser" });
    assert.equal((await caller.get("/api/docs")).status, status, role);
    assert.equal((await caller.get("/hosts")).text.includes('href="/api/docs"'), role === "admin", role);
  }
  assert.equal((await site.anonymous.get("/api/docs")).headers.get("location"), "/login?next=%2Fapi%2Fdocs");
});

Deno.test({
  name: "Swagger UI reads our description and tries a request with the session, in both themes, asking nobody else" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using site = await emptySite();
    const { token, username } = await site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    try {
      for (const theme of ["light", "dark"] as const) {
        await using visitor = await visit(browser, site, { token, theme });
        const { page, problems } = visitor;
        // A script of 1.7 MB beside other tests on the same machine.
        page.setDefaultTimeout(60_000);
        const asked: string[] = [];
        page.on("request", (request) => void asked.push(request.url()));
        await visitor.go("/hosts");
        await page.click("#user-menu >> xpath=preceding-sibling::button");
        await page.click("#user-menu a[href='/api/docs']");
        await page.locator(".swagger-ui .opblock-tag-section").first().waitFor();
        await assertAccessible(visitor, `${theme}, list of topics`);
        await page.click(".opblock-tag[data-tag='auth']");
        await page.click("#operations-auth-get_auth_me .opblock-summary-control");
        await page.click("#operations-auth-get_auth_me .try-out__btn");
        await page.click("#operations-auth-get_auth_me .execute");
        await page.locator("#operations-auth-get_auth_me .live-responses-table").waitFor();
        const answered = await page.locator("#operations-auth-get_auth_me .live-responses-table").innerText();
        assert.match(answered, /\b200\b/);
        assert.ok(answered.includes(username), answered);
        for (const width of [1280, 390, 1920]) {
          await page.setViewportSize({ width, height: 800 });
          await assertFits(visitor, `${theme} at ${width}`);
          if (SHOTS) await page.screenshot({ path: `${SHOTS}/api-docs-${theme}-${width}.png` });
        }
        await assertAccessible(visitor, `${theme}, an operation`);
        assert.deepEqual(asked.filter((url) => !url.startsWith(site.origin)), []);
        // What the policy refuses, Chromium says in the console.
        assert.deepEqual(problems, []);
      }
    } finally {
      await browser.close();
    }
  },
});
