import { build } from "../../scripts/build.ts";
import { assetsIn, createSite, type Site } from "../../web/mod.ts";
import type { Theme } from "../top_bar.tsx";

/** Builds the gallery of all components with the product's own styles, for tests and for looking at. */
export async function makeGallery(): Promise<{ site: Site<{ theme: Theme; title: string }>; remove(): Promise<void> }> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "gallery-" });
  const root = import.meta.dirname!;
  await build({
    root,
    gen: `${folder}/gen`,
    dist: `${folder}/dist`,
    static: new URL("../../static", import.meta.url).pathname,
  });
  const { routes, islands } = await import(`file://${folder}/gen/server.ts`);
  const site = createSite<{ theme: Theme; title: string }>({
    routes,
    islands,
    assets: await assetsIn(`${folder}/dist`),
    state: () => ({ theme: "system", title: "" }),
    authorize: () => {},
  });
  return { site, remove: () => Deno.remove(folder, { recursive: true }) };
}
