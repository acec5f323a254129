import assert from "node:assert/strict";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ACCESS_COOKIE, SESSION_COOKIE, THEME_COOKIE } from "../../routes/(_role)/cookies.ts";
import type { TestSite } from "../../testing/site.ts";

interface Finding {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}
interface Watched {
  axe: { run(options: { resultTypes: ["violations"] }): Promise<{ violations: Finding[] }> };
  shifts: { value: number; sources: string[] }[];
}

export interface VisitOptions {
  /** Another way to the site than its own port. */
  origin?: string;
  /** Value of the cookie with the access token; none: not signed in. */
  token?: string;
  /** Value of the cookie with the refresh token. Two browsers with the same one look like a thief at work. */
  refresh_token?: string;
  theme?: "light" | "dark";
  width?: number;
  height?: number;
  /** Pixels of the screen in one of the page: 2 with half the width and height is a zoom of 200 %. */
  scale?: number;
  scripts?: boolean;
}

/** Somebody with a browser of their own: cookies, one tab, and a list of what went wrong in it. */
export interface Visitor extends AsyncDisposable {
  context: BrowserContext;
  page: Page;
  /** Errors and warnings of the console, exceptions, answers of 500 and more. */
  problems: string[];
  /** Opens a path and waits until every island is awake. */
  go(path: string): Promise<void>;
  /** Waits until every island of the page is awake. */
  awake(): Promise<void>;
}

/** Opens a browser window on the site. TLS is real; the CA of the run is not one that the browser knows. */
export async function visit(browser: Browser, site: TestSite, options: VisitOptions = {}): Promise<Visitor> {
  const { token, refresh_token, theme, width = 1280, height = 800, scale = 1, scripts = true } = options;
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    javaScriptEnabled: scripts,
    viewport: { width, height },
    deviceScaleFactor: scale,
    baseURL: options.origin ?? site.origin,
    locale: "en-GB",
  });
  const cookie = { domain: "localhost", path: "/", secure: true, httpOnly: true };
  for (const [name, value] of [[ACCESS_COOKIE, token], [SESSION_COOKIE, refresh_token]] as const) {
    if (value) await context.addCookies([{ ...cookie, name, value, sameSite: "Strict" }]);
  }
  if (theme) await context.addCookies([{ ...cookie, name: THEME_COOKIE, value: theme, sameSite: "Lax" }]);
  await context.addInitScript(watchShifts);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => problems.push(String(error.stack ?? error)));
  const awake = async () => {
    if (scripts) await page.waitForFunction(() => !document.querySelector("x-island:not([ready])"));
  };
  return {
    context,
    page,
    problems,
    awake,
    go: async (path) => {
      await page.goto(path);
      await awake();
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Runs in the page: keeps every shift with what moved. */
function watchShifts(): void {
  interface Shift extends PerformanceEntry {
    value: number;
    sources: { node: Element | null }[];
  }
  const shifts = (globalThis as unknown as Watched).shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries() as Shift[]) {
      const names = sources.map(({ node }) => node?.nodeName + "." + (node as Element | null)?.className);
      (shifts as unknown[]).push({ value, sources: names });
    }
  }).observe({ type: "layout-shift", buffered: true });
}

/** Nothing moved since the page was opened. To be asked before the window changes its size. */
export async function assertStill({ page }: Visitor, what: string): Promise<void> {
  const shifts = await page.evaluate(() => (globalThis as unknown as Watched).shifts);
  const moved = shifts.reduce((sum, { value }) => sum + value, 0);
  assert.ok(moved < 0.02, `${what}: layout shift ${moved}: ${JSON.stringify(shifts)}`);
}

/** Nothing is wider than the window, but what scrolls by itself. */
export async function assertFits({ page }: Visitor, what: string): Promise<void> {
  const seen = await page.evaluate(() => {
    const wide = [...document.querySelectorAll("body *")].filter((element) =>
      element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".table-scroll, .log, pre, .tabs")
    );
    return {
      over: document.documentElement.scrollWidth - innerWidth,
      wide: wide.slice(-3).map((element) => element.outerHTML.slice(0, 160)),
    };
  });
  assert.ok(seen.over <= 0, `${what}: ${seen.over} px too wide: ${seen.wide.join("\n")}`);
}

/** axe-core finds nothing. */
export async function assertAccessible({ page }: Visitor, what: string): Promise<void> {
  if (!await page.evaluate("'axe' in globalThis")) await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as Watched).axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html, nodes[0].failureSummary]);
  });
  assert.deepEqual(found, [], `${what}: axe`);
}
