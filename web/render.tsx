import { type ComponentChild, h } from "preact";
import { renderToStringAsync } from "preact-render-to-string";
import type { Context } from "./context.ts";
import type { Layout } from "./define.ts";
import { type IslandRun, IslandRuns, writePayload } from "./islands.tsx";
import { assetUrl } from "./island.ts";
import type { AssetManifest } from "./types.ts";

const SHELL = { head: '<html lang="en"><head><meta charset="utf-8"></head><body>', foot: "</body></html>" };

/**
 * A whole document: the body in its layouts, innermost first, then what the document's islands need. Scripts and
 * styles are files; the payload is a data block, which a strict Content-Security-Policy does not stop.
 */
export async function renderDocument<State>(
  ctx: Context<State>,
  body: ComponentChild,
  data: unknown,
  layouts: Layout<State>[],
  manifest: AssetManifest,
): Promise<string> {
  let content = body;
  for (const layout of layouts) {
    const inner = content;
    content = await layout({ ...ctx, data, Component: () => inner as never });
  }
  const run: IslandRun = { names: new Set(), props: [] };
  let html = await renderToStringAsync(h(IslandRuns.Provider, { value: run, children: content }));
  if (!/^<html[\s>]/.test(html)) html = SHELL.head + html + SHELL.foot;
  const head = html.indexOf("</head>");
  const foot = html.lastIndexOf("</body>");
  if (head === -1 || foot === -1) throw new Error("The outermost layout must write <html>, <head> and <body>.");
  const known = Object.fromEntries(Object.keys(manifest.names).map((name) => [name, assetUrl(name)]));
  return "<!DOCTYPE html>" + html.slice(0, head) + headTags(run, manifest) + html.slice(head, foot) +
    `<script type="application/json" data-islands>${writePayload(run, known)}</script>` + html.slice(foot);
}

function headTags(run: IslandRun, manifest: AssetManifest): string {
  const modules = new Set([...run.names].flatMap((name) => manifest.islands[name] ?? []));
  for (const module of manifest.entryImports) modules.add(module);
  if (manifest.entry) modules.delete(manifest.entry);
  return [
    `<meta name="build" content="${manifest.build}">`,
    ...manifest.fonts.map((name) =>
      `<link rel="preload" as="font" type="font/woff2" href="/assets/${name}" crossorigin>`
    ),
    ...manifest.styles.map((name) => `<link rel="stylesheet" href="/assets/${name}">`),
    ...(manifest.entry ? [...modules] : []).map((name) => `<link rel="modulepreload" href="/assets/${name}">`),
    ...(manifest.entry ? [`<script type="module" src="/assets/${manifest.entry}"></script>`] : []),
  ].join("");
}
