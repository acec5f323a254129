import type { Context as HonoContext } from "hono";
import type { RouteAccess, RouteKind } from "./types.ts";
import type { Site } from "./site.ts";

/** What handlers, pages, layouts and hooks are given: one object per request. */
export interface Context<State> {
  readonly req: Request;
  readonly url: URL;
  /** Decoded values of the pattern's `[names]`. */
  readonly params: Readonly<Record<string, string>>;
  /** Made per request by the site's `state` option; middleware fills it, everything after reads it. */
  readonly state: State;
  /** The pattern that matched, `/hosts/:id`; `*` when none did. */
  readonly route: string;
  readonly kind: RouteKind;
  /** What the route declared; null when no route matched. */
  readonly access: RouteAccess | null;
  /** What was thrown; only set while an `_error` page renders. */
  readonly error: unknown;
  /** Hono's own context, for cookies and connection facts. */
  readonly hono: HonoContext;
  readonly site: Site<State>;
  /**
   * Answers with a redirect, by default 303 so that a POST becomes a GET.
   * @throws RangeError for an address of another origin, unless `external` says that this is meant.
   */
  redirect(to: string, options?: { status?: 302 | 303 | 307 | 308; external?: boolean }): Response;
}

/** The context of a middleware. */
export interface MiddlewareContext<State> extends Context<State> {
  /** Runs the rest. Never throws: what is thrown further in has become an answer already. Call it once at most. */
  next(): Promise<Response>;
}

/** The facts of a request that matching found out. */
export interface Matched {
  route: string;
  kind: RouteKind;
  access: RouteAccess | null;
}

/** Makes the context of one request. */
export function createContext<State>(
  hono: HonoContext,
  site: Site<State>,
  state: State,
  matched: Matched,
): Context<State> {
  const url = new URL(hono.req.url);
  return {
    req: hono.req.raw,
    url,
    params: hono.req.param() as Record<string, string>,
    state,
    ...matched,
    error: undefined,
    hono,
    site,
    redirect: (to, options = {}) => redirect(url, to, options),
  };
}

/** `//elsewhere.example` and `/\elsewhere.example` look local but are not, so the parsed origin decides. */
function redirect(
  from: URL,
  to: string,
  { status = 303, external = false }: { status?: number; external?: boolean },
): Response {
  const target = new URL(to, from);
  const local = target.origin === from.origin;
  if (!local && !external) throw new RangeError("A redirect must stay on this site.");
  const location = local ? target.pathname + target.search + target.hash : target.href;
  return new Response(null, { status, headers: { location } });
}
