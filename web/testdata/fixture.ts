import { build } from "../../scripts/build.ts";
import { assetsIn } from "../assets.ts";
import { HttpError } from "../http_error.ts";
import { createSite, type Site } from "../site.ts";
import type { AssetSource, RouteAccess } from "../types.ts";
import type { State } from "./site.ts";

const RANKS = ["anonymous", "auditor", "operator", "admin"];

export interface Fixture {
  site: Site<State>;
  assets: AssetSource;
  /** Everything that was thrown, in order. */
  thrown: unknown[];
  /** What authorize was asked. */
  asked: RouteAccess[];
  folder: string;
  remove(): Promise<void>;
}

/** Builds the fixture site into a folder of its own and makes it; `x-role` says who calls. */
export async function makeFixture(): Promise<Fixture> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "web-fixture-" });
  const root = import.meta.dirname!;
  await build({ root, gen: `${folder}/gen`, dist: `${folder}/dist` });
  const { routes, islands } = await import(`file://${folder}/gen/server.ts`);
  const thrown: unknown[] = [];
  const asked: RouteAccess[] = [];
  const assets = await assetsIn(`${folder}/dist`);
  const site = createSite<State>({
    routes,
    islands,
    assets,
    state: () => ({ title: "", steps: [], role: null }),
    authorize(access, ctx) {
      asked.push(access);
      ctx.state.steps.push("authorize");
      const rank = RANKS.indexOf(ctx.state.role ?? "admin");
      if (rank < RANKS.indexOf(access.role)) throw new HttpError(403);
    },
    onError(error) {
      thrown.push(error);
    },
  });
  return { site, assets, thrown, asked, folder, remove: () => Deno.remove(folder, { recursive: true }) };
}
