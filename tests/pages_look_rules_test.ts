import assert from "node:assert/strict";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { type Scenario, scenario } from "./pages/scenario.ts";
import { visit } from "./pages/visitor.ts";

/** What was once wrong with pages for somebody with a phone, a zoomed window, a keyboard or a printer. */
const missing = browserMissing();
const name = (words: string) => words + (missing ? " (left out: /usr/bin/chromium is missing)" : "");

const paths = ({ hosts, jobs, groups }: Scenario) => [
  "/dashboard",
  "/hosts",
  `/hosts/${hosts.many}`,
  "/deploy",
  `/deploy?host=${hosts.many}`,
  "/jobs",
  `/jobs/${jobs.batch}`,
  "/enrolments",
  `/groups/${groups.web}?tab=add`,
  "/audit",
];

Deno.test({
  name: name("tables, targets, dialogs and paper at every size"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const { token } = await made.site.signIn("admin", { kind: "browser" });
    const name = "A name of very many words that somebody gave a group, so that no button of it fits into a line";
    await made.site.database.sql`update groups set name = ${name} where id = ${made.groups.web}`;
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, made.site, { token });
      const { page, problems } = visitor;
      for (const path of paths(made)) {
        await t.step(path, async () => {
          await visitor.go(path);
          for (const width of [768, 1024, 1280]) {
            await page.setViewportSize({ width, height: 800 });
            assert.deepEqual(await page.evaluate(wide), [], `${path} at ${width} px: what has to be pushed into sight`);
          }
          await page.setViewportSize({ width: 640, height: 800 });
          assert.deepEqual(await page.evaluate(wide), [], `${path} at 640 px`);
          await page.setViewportSize({ width: 390, height: 800 });
          assert.deepEqual(await page.evaluate(small), [], `${path} at 390 px: too small for a thumb`);
        });
      }

      await t.step("the search says what it searches, at 200 % zoom as well", async () => {
        await page.setViewportSize({ width: 640, height: 400 });
        await visitor.go("/hosts");
        assert.equal(await page.evaluate(placeholderCut), false);
      });

      await t.step("a dialog that is higher than the window keeps its question and its answers in sight", async () => {
        await page.setViewportSize({ width: 640, height: 400 });
        await visitor.go(`/deploy?host=${made.hosts.many}`);
        const opener = page.getByRole("button", { name: /^Apply 55 updates .* …$/ });
        await opener.press("Enter");
        const dialog = page.getByRole("dialog");
        await dialog.waitFor();
        for (const part of [dialog.getByRole("heading"), dialog.getByRole("button", { name: /^Apply 55 updates/ })]) {
          const box = (await part.boundingBox())!;
          assert.ok(box.y >= 0 && box.y + box.height <= 400, `${part}: ${JSON.stringify(box)}`);
        }
        await page.keyboard.press("Escape");
        assert.ok(await opener.evaluate((element) => element === document.activeElement), "the focus returns");
      });

      await t.step("paper is no phone, and shows all of a table", async () => {
        await page.setViewportSize({ width: 718, height: 1000 });
        await visitor.go("/deploy");
        await page.emulateMedia({ media: "print" });
        const { head, cut } = await page.evaluate(() => {
          const scroller = document.querySelector(".table-scroll")!;
          return {
            head: getComputedStyle(scroller.querySelector("thead")!).display,
            cut: scroller.scrollHeight - scroller.clientHeight,
          };
        });
        assert.equal(head, "table-header-group");
        assert.ok(cut <= 1, `${cut} px of it are cut`);
        await page.emulateMedia({ media: null });
      });
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});

/** Runs in the page: tables that are wider than their place, and buttons that are wider than the window. */
function wide(): string[] {
  return [...document.querySelectorAll("main .table-scroll, main .button")]
    .filter((element) =>
      element.matches(".button")
        ? element.getBoundingClientRect().right > innerWidth
        : element.scrollWidth > element.clientWidth + 1
    )
    .map((element) => element.getAttribute("aria-label") ?? element.textContent ?? "");
}

/** Runs in the page: what is pressed and lower than 44 px (WCAG 2.5.5). */
function small(): string[] {
  return [...document.querySelectorAll("main :is(.button, .input, .select, .tab, .check-area), .topbar .button")]
    .map((element) => ({ element, ...element.getBoundingClientRect().toJSON() }))
    .filter(({ element, width, height }) => width > 1 && height < 43.5 && !element.closest("dialog"))
    .map(({ element, height }) => `${Math.round(height)} px: ${element.textContent} ${element.className}`);
}

/** Runs in the page: whether the words in the empty search field end before its edge. */
function placeholderCut(): boolean {
  const field = document.querySelector<HTMLInputElement>("#search")!;
  const style = getComputedStyle(field);
  const drawing = document.createElement("canvas").getContext("2d")!;
  drawing.font = style.font;
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return drawing.measureText(field.placeholder).width > room;
}
