import type { ComponentChild, FunctionComponent } from "preact";
import type { Context, MiddlewareContext } from "./context.ts";
import type { Method } from "./types.ts";

type MaybePromise<T> = T | Promise<T>;

/** What a handler returns to have its page rendered with data. */
export class PageResponse<Data> {
  constructor(
    readonly data: Data,
    /** HTTP status, 200 unless said otherwise. */
    readonly status: number,
    readonly headers: Headers,
  ) {}
}

/** Renders the file's page with this data: `return page({ hosts })`, `return page({ problems }, { status: 422 })`. */
export function page<Data>(data: Data, options: { status?: number; headers?: HeadersInit } = {}): PageResponse<Data> {
  return new PageResponse(data, options.status ?? 200, new Headers(options.headers));
}

// deno-lint-ignore no-explicit-any -- the data type is found out by inference, any is its open end
export type Handler<State, Data = any> = (ctx: Context<State>) => MaybePromise<Response | PageResponse<Data>>;
export type Handlers<State> = { [M in Method]?: Handler<State> };

/** The data that the handlers of a file give to its page. */
// deno-lint-ignore no-explicit-any -- matches handlers of any state
export type DataOf<H> = { [K in keyof H]: H[K] extends (ctx: any) => infer R ? DataIn<Awaited<R>> : never }[keyof H];
type DataIn<R> = R extends PageResponse<infer Data> ? Data : never;

export type PageContext<State, Data> = Context<State> & { readonly data: Data };
/** A page is called once per request and awaited; it is no component, so hooks stay in components. */
export type Page<State, Data = unknown> = (ctx: PageContext<State, Data>) => MaybePromise<ComponentChild | Response>;
/** Gets the page, or the next inner layout, as `Component`. */
export type LayoutContext<State> = Context<State> & { readonly Component: FunctionComponent; readonly data: unknown };
export type Layout<State> = (ctx: LayoutContext<State>) => MaybePromise<ComponentChild>;
export type Middleware<State> = (ctx: MiddlewareContext<State>) => MaybePromise<Response>;
/** Takes over an accepted WebSocket; the socket's type is the server's. */
export type Upgrade<State, Socket = unknown> = (ctx: Context<State>, socket: Socket) => void;

/** Typed ways to write a route file; each returns what it is given. */
export interface Define<State> {
  /** `export const handler = define.handlers({ GET(ctx) {…}, POST(ctx) {…} })` */
  handlers<H extends Handlers<State>>(handlers: H): H;
  /** `export default define.page<typeof handler>(({ data, state }) => …)` */
  page<H = never>(page: Page<State, [H] extends [never] ? undefined : DataOf<H>>): Page<State>;
  /** `export default define.layout(({ Component }) => …)` in `_layout.tsx` and `_app.tsx` */
  layout(layout: Layout<State>): Layout<State>;
  /** `export default define.middleware(…)` or an array of them in `_middleware.ts` */
  middleware(middleware: Middleware<State>): Middleware<State>;
  /** `export const upgrade = define.upgrade<WebSocket>((ctx, socket) => …)` */
  upgrade<Socket>(upgrade: Upgrade<State, Socket>): Upgrade<State, Socket>;
}

/**
 * The typed conventions of a site whose requests carry `State`. Called once, in the product's own module, so that
 * route files import one `define`.
 */
export function createDefine<State>(): Define<State> {
  return {
    handlers: (handlers) => handlers,
    page: (page) => page as Page<State>,
    layout: (layout) => layout,
    middleware: (middleware) => middleware,
    upgrade: (upgrade) => upgrade,
  };
}

/** Variables of Hono's context in API files: `new OpenAPIHono<ApiEnv<State>>()`, then `c.var.state`. */
export interface ApiEnv<State> {
  Variables: { state: State; context: Context<State> };
}
