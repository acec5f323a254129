import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserMissing, launchBrowser } from "../web/browser.ts";
import { scenario } from "./pages/scenario.ts";
import { visit } from "./pages/visitor.ts";

/** What a narrow window may not lose: the words of a chosen filter, the order of a table, the facts of a host. */
const missing = browserMissing();
const name = (words: string) => words + (missing ? " (left out: /usr/bin/chromium is missing)" : "");

Deno.test({
  name: name("filters say what is chosen, tables can be sorted and facts be found at every width"),
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using made = await scenario();
    const { token } = await made.site.signIn("admin", { kind: "browser" });
    const browser = await launchBrowser();
    try {
      await using visitor = await visit(browser, made.site, { token });
      const { page, problems } = visitor;
      const order = page.locator("select[name=sort]");

      for (const path of ["/hosts", "/users", "/audit", `/groups/${made.groups.web}?tab=add`]) {
        await t.step(`the words of a filter are not cut: ${path}`, async () => {
          await visitor.go(path);
          const choices = await page.evaluate(filterChoices);
          assert.ok(choices.length > 1);
          for (const [filter, value] of choices) {
            const address = new URL(path, made.site.origin);
            address.searchParams.set(filter, value);
            await visitor.go(address.pathname + address.search);
            for (const width of [1280, 390]) {
              await page.setViewportSize({ width, height: 800 });
              assert.deepEqual(await page.evaluate(cutChoices), [], `${address.search} at ${width} px`);
            }
          }
        });
      }

      await t.step("hosts are sorted by a choice where the table has no heads", async () => {
        await page.setViewportSize({ width: 390, height: 800 });
        await visitor.go("/hosts");
        await order.selectOption("health");
        await page.waitForURL("**/hosts?sort=health");
        assert.match(await firstRow(page), /Unreachable/);
        await page.setViewportSize({ width: 1280, height: 800 });
        assert.equal(await order.isVisible(), false);
        assert.equal(await page.getByRole("columnheader", { name: "Health" }).getAttribute("aria-sort"), "ascending");
      });

      await t.step("users are sorted by a choice, and a filter keeps the order", async () => {
        await page.setViewportSize({ width: 390, height: 800 });
        await visitor.go("/users");
        await order.selectOption("role");
        await page.getByRole("button", { name: "Filter", exact: true }).click();
        await page.waitForURL(/[?&]sort=role/);
        await page.getByRole("search", { name: "Filter the users" }).locator("[name=role]").selectOption("admin");
        await page.getByRole("button", { name: "Filter", exact: true }).click();
        await page.waitForURL(/role=admin.*sort=role/);
      });

      await t.step("the facts of a host: beside its updates, or folded above them", async () => {
        await page.setViewportSize({ width: 1280, height: 800 });
        await visitor.go(`/hosts/${made.hosts.many}`);
        const facts = page.getByText("Next health check");
        const tabs = page.getByRole("navigation", { name: "Parts of this host" });
        assert.ok((await facts.boundingBox())!.x < (await tabs.boundingBox())!.x, "beside");
        await page.setViewportSize({ width: 390, height: 800 });
        assert.equal(await facts.isVisible(), false, "folded");
        await page.getByText("Facts, edit, restart, remove").press("Enter");
        assert.ok((await facts.boundingBox())!.y < (await tabs.boundingBox())!.y, "above");
        await page.getByRole("button", { name: "Restart host …" }).press("Enter");
        await page.getByRole("dialog").waitFor();
      });
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
});

/** The first row of the table in its present order. */
async function firstRow(page: Page): Promise<string> {
  return await page.locator("main tbody tr").first().innerText();
}

/** Runs in the page: name and value of the choice with the most letters of each filter. */
function filterChoices(): [string, string][] {
  return [...document.querySelectorAll<HTMLSelectElement>(".filters .select:not([name=sort])")]
    .map(({ name, options }): [string, string] => {
      const [longest] = [...options].filter(({ value }) => value).sort((a, b) => b.label.length - a.label.length);
      return [name, longest.value];
    });
}

/** Runs in the page: filters that are seen and whose chosen words are wider than the room for them. */
function cutChoices(): string[] {
  const drawing = document.createElement("canvas").getContext("2d")!;
  return [...document.querySelectorAll<HTMLSelectElement>(".filters .select")]
    .filter((select) => select.checkVisibility())
    .filter((select) => {
      const style = getComputedStyle(select);
      drawing.font = style.font;
      const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      return drawing.measureText(select.selectedOptions[0].label).width > room + 1;
    })
    .map((select) => select.selectedOptions[0].label);
}
