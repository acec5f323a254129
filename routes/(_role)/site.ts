import type { HttpBindings } from "@hono/node-server";
import { readAddress } from "../../core/access/network.ts";
import { islands, routes } from "../../gen/server.ts";
import { type AssetSource, createSite, type RouteEntry, type Site } from "../../web/mod.ts";
import { answerError, publicError } from "./answer_error.ts";
import { authorize } from "./authorize.ts";
import { noteDenial } from "./note_denial.ts";
import type { Services, State } from "./state.ts";

/** The product's site: all routes with their access, over the given services. */
export function createProductSite(services: Services, assets?: AssetSource): Site<State> {
  return createSite<State>({
    routes,
    islands,
    assets,
    state: (hono) => ({
      services,
      request_id: "",
      address: peerOf(hono.env as Partial<HttpBindings> | undefined),
      viewer: null,
      token_refused: null,
      session_ended: false,
      session_copied: false,
      theme: null,
      rail_hidden: false,
      title: "",
    }),
    authorize,
    onError: async (thrown, ctx) => {
      await noteDenial(thrown, ctx);
      return answerError(thrown, ctx);
    },
    statusOf: (thrown) => publicError(thrown).status,
  });
}

/** The route table alone, for `deno task routes` and the tests made from it. */
export function productRoutes(): RouteEntry[] {
  return createProductSite(undefined as never).routeTable();
}

/** The other end of the connection. Middleware asks whether it is a proxy, and whom it speaks for. */
function peerOf(env: Partial<HttpBindings> | undefined): string | null {
  return readAddress(env?.incoming?.socket?.remoteAddress ?? "");
}
