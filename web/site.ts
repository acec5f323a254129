import { type Context as HonoContext, Hono } from "hono";
import { OpenAPIHono } from "@hono/zod-openapi";
import { assetNames, NO_ASSETS, serveAssets } from "./assets.ts";
import { type Context, createContext, type Matched } from "./context.ts";
import { type Middleware, PageResponse } from "./define.ts";
import { HttpError } from "./http_error.ts";
import { setAssets } from "./island.ts";
import { registerIsland } from "./islands.tsx";
import { type ApiPlan, errorPageFor, layoutsFor, middlewaresFor, type PagePlan, planSite, tableOf } from "./plan.ts";
import { renderDocument } from "./render.tsx";
import { answerFailure } from "./failure.ts";
import { compareSpecificity } from "./patterns.ts";
import type { AssetSource, Method, RouteAccess, RouteConfig, RouteEntry, RouteFile } from "./types.ts";

export interface SiteOptions<State> {
  /** `routes` of `gen/server.ts`. */
  routes: readonly RouteFile[];
  /** `islands` of `gen/server.ts`: name to component. */
  // deno-lint-ignore no-explicit-any -- components of any props
  islands?: Record<string, any>;
  assets?: AssetSource;
  /** Makes the state of one request, before any middleware. Keep it cheap; middleware fills it. */
  state(hono: HonoContext): State;
  /**
   * Decides, after middleware and before any handler, for exactly the route that matched. Throw or return an answer
   * to refuse. Not asked where no route matched: there is nothing to protect.
   */
  authorize(access: RouteAccess, ctx: Context<State>): void | Response | Promise<void | Response>;
  /**
   * Everything thrown comes by here once, for the log. An answer returned is sent (API envelopes); without one the
   * nearest `_error` page is rendered, or plain JSON below `/api`.
   */
  onError?(thrown: unknown, ctx: Context<State>): Response | void | Promise<Response | void>;
  /** HTTP status of an `_error` page for what was thrown; by default its own `status`, else 500. */
  statusOf?(thrown: unknown): number;
  /** Routes that are served beside this site and belong in its table. */
  extra?: readonly RouteEntry[];
}

/** Accepts a WebSocket that the site agreed to, or says why not. */
export type UpgradeAnswer = { accept(socket: unknown): void } | { refuse: Response };

/** A site: its Hono application and what is known about it. */
export interface Site<State> {
  readonly app: Hono;
  /** Every route with its access, most exact first. */
  routeTable(): RouteEntry[];
  /** Address of an asset by its source name. */
  asset(name: string): string;
  /** The OpenAPI 3.1 document of all API files. */
  apiDocument(config: { info: { title: string; version: string; description?: string } }): object;
  /**
   * Asks the site about a WebSocket handshake: the same middleware and authorization as any request, then the
   * route's `upgrade`. Plain GET requests of such a route answer 426.
   */
  upgrade(request: Request, env?: object): Promise<UpgradeAnswer>;
}

/** Where a handshake leaves its acceptance; travels in Hono's env, so no request header can fake it. */
class Handshake {
  accept: ((socket: unknown) => void) | null = null;
}
const HANDSHAKE = Symbol("handshake");

function handshakeOf(c: HonoContext): Handshake | undefined {
  return (c.env as { [HANDSHAKE]?: Handshake } | undefined)?.[HANDSHAKE];
}

/**
 * Makes a site of its route files.
 * @throws Error that lists every route file without access or against the conventions
 */
export function createSite<State>(options: SiteOptions<State>): Site<State> {
  const plan = planSite<State>(options.routes);
  const assets = options.assets ?? NO_ASSETS;
  const names = assetNames(assets);
  setAssets(names);
  for (const [name, component] of Object.entries(options.islands ?? {})) registerIsland(name, component);
  const app = new Hono();
  const contexts = new WeakMap<HonoContext, { ctx: Context<State>; folder: string }>();
  const table = [
    ...tableOf(plan),
    ...(options.extra ?? []),
    {
      method: "GET",
      pattern: "/assets/:name",
      access: { role: "anonymous", scope: "none", audit: null },
      file: "web/assets.ts",
      kind: "static",
    } satisfies RouteEntry,
  ].sort((a, b) => compareSpecificity(a.pattern, b.pattern));

  const site: Site<State> = {
    app,
    routeTable: () => table,
    asset: (name) => names[name] ?? `/assets/${name}`,
    apiDocument(config) {
      const merged = new OpenAPIHono();
      for (const { prefix, app } of plan.mounts) merged.route(prefix, app);
      return merged.getOpenAPI31Document({ openapi: "3.1.0", ...config });
    },
    async upgrade(request, env = {}) {
      const handshake = new Handshake();
      const refuse = await app.fetch(request, { ...env, [HANDSHAKE]: handshake });
      return handshake.accept ? { accept: handshake.accept } : { refuse };
    },
  };

  function begin(c: HonoContext, matched: Matched, folder: string): Context<State> {
    const ctx = createContext(c, site, options.state(c), matched);
    contexts.set(c, { ctx, folder });
    c.set("state", ctx.state);
    c.set("context", ctx);
    return ctx;
  }

  async function render(
    ctx: Context<State>,
    body: unknown,
    data: unknown,
    folder: string,
    config: RouteConfig,
    init: ResponseInit,
  ): Promise<Response> {
    if (body instanceof Response) return body;
    const layouts = layoutsFor(plan, folder, config);
    if (plan.app && !config.skipAppWrapper) layouts.push(plan.app);
    const html = await renderDocument(ctx, body as never, data, layouts, assets.manifest);
    const headers = new Headers(init.headers);
    headers.set("content-type", "text/html; charset=utf-8");
    return new Response(html, { status: init.status, headers });
  }

  const fail = (thrown: unknown, ctx: Context<State>, folder: string): Promise<Response> =>
    answerFailure(thrown, ctx, options.onError, async (failed, status) => {
      const errorPage = errorPageFor(plan, folder);
      if (!errorPage) return null;
      const body = await errorPage.page({ ...failed, data: undefined });
      return await render(failed, body, undefined, errorPage.folder, errorPage.config, { status });
    }, options.statusOf?.(thrown));

  /** Runs middleware around the last step; what is thrown anywhere becomes an answer at that place. */
  async function run(ctx: Context<State>, folder: string, last: () => Promise<Response>): Promise<Response> {
    const middlewares: Middleware<State>[] = middlewaresFor(plan, folder);
    const step = async (index: number): Promise<Response> => {
      try {
        if (index === middlewares.length) return await last();
        let called = false;
        return await middlewares[index]({
          ...ctx,
          next: () => {
            if (called) throw new Error("A middleware called next() twice.");
            called = true;
            return step(index + 1);
          },
        });
      } catch (thrown) {
        return await fail(thrown, ctx, folder);
      }
    };
    return await step(0);
  }

  /**
   * A handshake is an answer to a socket's route alone. Whatever else it asks for would be answered as if it had been a
   * GET, whole and from memory.
   * @throws HttpError 400
   */
  function refuseHandshake(c: HonoContext): void {
    if (handshakeOf(c)) throw new HttpError(400);
  }

  async function authorized(ctx: Context<State>): Promise<Response | null> {
    return ctx.access ? await options.authorize(ctx.access, ctx) ?? null : null;
  }

  async function answerPage(c: HonoContext, plan: PagePlan<State>): Promise<Response> {
    const method = (c.req.method === "HEAD" ? "GET" : c.req.method) as Method;
    const access = plan.methods.get(method) ?? null;
    const ctx = begin(c, { route: plan.pattern, kind: plan.upgrade ? "upgrade" : "page", access }, plan.folder);
    return await run(ctx, plan.folder, async () => {
      if (!plan.upgrade) refuseHandshake(c);
      if (!access) throw new HttpError(405, undefined, { headers: { allow: allowed(plan.methods.keys()) } });
      const refused = await authorized(ctx);
      if (refused) return refused;
      if (plan.upgrade) return answerUpgrade(c, ctx, plan);
      const handler = plan.handlers[method];
      const answer = handler ? await handler(ctx) : new PageResponse(undefined, 200, new Headers());
      if (answer instanceof Response) return answer;
      if (!(answer instanceof PageResponse) || !plan.page) {
        throw new Error(`${plan.file}: a handler returns a Response, or page(…) where the file has a page.`);
      }
      const body = await plan.page({ ...ctx, data: answer.data });
      return await render(ctx, body, answer.data, plan.folder, plan.config, answer);
    });
  }

  function answerUpgrade(c: HonoContext, ctx: Context<State>, plan: PagePlan<State>): Response {
    const handshake = handshakeOf(c);
    if (!handshake) throw new HttpError(426, undefined, { headers: { upgrade: "websocket", connection: "Upgrade" } });
    handshake.accept = (socket) => plan.upgrade!(ctx, socket);
    return new Response(null, { status: 204 });
  }

  /** Stands before an operation's own handlers. */
  function guard(plan: ApiPlan) {
    return async (c: HonoContext, next: () => Promise<void>): Promise<void> => {
      const ctx = begin(c, { route: plan.pattern, kind: "api", access: plan.access }, plan.folder);
      const answer = await run(ctx, plan.folder, async () => {
        refuseHandshake(c);
        const refused = await authorized(ctx);
        if (refused) return refused;
        await next();
        return c.res;
      });
      if (c.finalized && c.res === answer) return;
      c.res = undefined; // Without this Hono would merge headers of the answer that middleware replaced.
      c.res = answer;
    };
  }

  // deno-lint-ignore no-explicit-any -- Hono types its paths from literals; these come from the plan
  const on = app.on.bind(app) as any;
  app.get("/assets/:name", serveAssets(assets));
  for (const operation of plan.api) {
    on(operation.method, operation.pattern, guard(operation), ...operation.handlers);
  }
  // After all operations, so that `/hosts/:id` may still answer what `/hosts/export` does not.
  for (const [pattern, operations] of Map.groupBy(plan.api, (operation) => operation.pattern)) {
    app.all(pattern, (c) => {
      const { folder } = operations[0];
      const ctx = begin(c, { route: pattern, kind: "api", access: null }, folder);
      const allow = allowed(operations.map((operation) => operation.method));
      return run(ctx, folder, () => Promise.reject(new HttpError(405, undefined, { headers: { allow } })));
    });
  }
  for (const page of plan.pages) app.all(page.pattern, (c) => answerPage(c, page));
  app.notFound((c) => {
    const folder = plan.mounts.some(({ prefix }) => c.req.path.startsWith(prefix + "/")) ? "routes/api" : "routes";
    const ctx = begin(c, { route: "*", kind: folder === "routes" ? "page" : "api", access: null }, folder);
    return run(ctx, folder, () => Promise.reject(new HttpError(404)));
  });
  app.onError((thrown, c) => {
    const begun = contexts.get(c);
    if (!begun) return new Response("Something failed on our side.", { status: 500 });
    return fail(thrown, begun.ctx, begun.folder);
  });
  return site;
}

function allowed(methods: Iterable<Method>): string {
  const list = [...methods];
  return (list.includes("GET") ? ["GET", "HEAD", ...list.filter((method) => method !== "GET")] : list).join(", ");
}
