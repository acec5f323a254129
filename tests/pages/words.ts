import assert from "node:assert/strict";

/** A page's own words, without frame, markup and ids. */
export function mainWords(html: string): string {
  const main = /<main[^>]*>([\s\S]*)<\/main>/.exec(html)?.[1] ?? html;
  return main.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ").trim();
}

/** The page's source matches; a failure shows the page's words instead of its markup. */
export function assertSays(html: string, pattern: RegExp, what = ""): void {
  assert.ok(pattern.test(html), `${what} ${pattern} is not in: ${mainWords(html).slice(0, 800)}`);
}
