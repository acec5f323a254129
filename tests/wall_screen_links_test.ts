import assert from "node:assert/strict";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { scenario } from "./pages/scenario.ts";
import { assertAccessible, assertFits, visit } from "./pages/visitor.ts";
import { mainWords } from "./pages/words.ts";

const missing = browserMissing();
const SHOTS = Deno.env.get("PAGES_SHOTS");

/** Paths that links and GET forms of a page lead to; places within the page are none. */
function placesOf(html: string): string[] {
  const plain = (text: string) => text.replaceAll("&amp;", "&");
  const links = [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([_, href]) => plain(href));
  const forms = [...html.matchAll(/<form(?![^>]*method="post")[^>]*action="([^"]*)"/g)].map(([_, to]) => plain(to));
  return [...new Set([...links, ...forms])].filter((href) => !href.startsWith("#"));
}

Deno.test("nothing on a wall screen leads to a page that it may not open; its numbers are those of everybody", async () => {
  await using made = await scenario();
  const { site } = made;
  const wall = await site.signIn("admin", { kind: "wall" });
  const cookies = { cookie: `__Host-access=${wall.token}; __Host-session=${wall.refresh_token}`, origin: site.origin };
  const screen = site.client(cookies);
  const person = await site.signIn("admin", { kind: "browser" });
  const [{ text, status }, theirs] = [await screen.get("/dashboard"), await person.get("/dashboard")];
  assert.equal(status, 200);
  for (const place of placesOf(text)) {
    const answer = await screen.get(place);
    assert.ok([200, 303].includes(answer.status), `${place}: ${answer.status}`);
  }
  // Somebody who may act still gets from each figure to what is behind it.
  const figures = (html: string) => html.match(/data-count=/g)?.length ?? 0;
  assert.ok(placesOf(theirs.text).filter((href) => href.startsWith("/hosts?")).length > 8);
  // Machines that ask to join, and what to press, are for who may act.
  assert.ok(figures(text) >= figures(theirs.text) - 1, `${figures(text)} of ${figures(theirs.text)}`);
  assert.match(mainWords(text), /Needs a person[\s\S]*Hosts that went silent[\s\S]*Pending updates|Needs a person/);
});

Deno.test({
  name: "a wall screen in Chromium looks as before, without anything to press" +
    (missing ? " (left out: /usr/bin/chromium is missing)" : ""),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using made = await scenario();
    const { site } = made;
    const { token, refresh_token } = await site.signIn("admin", { kind: "wall" });
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, site, { token, refresh_token, width: 1920, height: 1080 });
      await visitor.go("/dashboard");
      await assertAccessible(visitor, "wall screen");
      await assertFits(visitor, "wall screen");
      const { page } = visitor;
      const links = await page.locator("#content a:not([href^='#'])").count();
      assert.equal(links, 0);
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/wall-plain.png`, fullPage: true });
      assert.deepEqual(visitor.problems, []);
    } finally {
      await browser.close();
    }
  },
});
