import type { Context } from "./context.ts";
import { headersOf, statusOf } from "./http_error.ts";

type OnError<State> = (thrown: unknown, ctx: Context<State>) => Response | void | Promise<Response | void>;
type RenderError<State> = (ctx: Context<State>, status: number) => Promise<Response | null>;

/**
 * Turns what was thrown into an answer, and never throws itself: first the product's own, then the nearest `_error`
 * page, then words. A failing `_error` page is reported too.
 */
export async function answerFailure<State>(
  thrown: unknown,
  ctx: Context<State>,
  onError: OnError<State> | undefined,
  renderError: RenderError<State>,
  status = statusOf(thrown),
): Promise<Response> {
  const answer = await own(thrown, ctx, onError) ?? await rendered(thrown, ctx, status, onError, renderError) ??
    plain(ctx, status);
  for (const [name, value] of Object.entries(headersOf(thrown))) answer.headers.set(name, value);
  return answer;
}

async function own<State>(thrown: unknown, ctx: Context<State>, onError?: OnError<State>): Promise<Response | null> {
  try {
    return await onError?.(thrown, ctx) ?? null;
  } catch {
    return null; // The reporter itself failed; the person still gets an answer.
  }
}

async function rendered<State>(
  thrown: unknown,
  ctx: Context<State>,
  status: number,
  onError: OnError<State> | undefined,
  renderError: RenderError<State>,
): Promise<Response | null> {
  if (ctx.kind === "api") return null;
  try {
    return await renderError({ ...ctx, error: thrown }, status);
  } catch (second) {
    return await own(second, ctx, onError);
  }
}

/** The words of last resort say nothing that was thrown: that may hold secrets. */
function plain<State>(ctx: Context<State>, status: number): Response {
  const message = status === 404
    ? "There is nothing here."
    : status < 500
    ? "The request was refused."
    : "Something failed on our side.";
  if (ctx.kind === "api") return Response.json({ code: `http_${status}`, status, message }, { status });
  return new Response(message, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
