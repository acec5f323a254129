import { define } from "../(_role)/state.ts";

/** One line a request. It holds the route's pattern, never the path: a path may carry a polling token. */
export const requestLog = define.middleware(async (ctx) => {
  const started = performance.now();
  const answer = await ctx.next();
  const { services, request_id, viewer, address } = ctx.state;
  services.log[answer.status >= 500 ? "error" : "info"]("http.request", {
    request_id,
    method: ctx.req.method,
    route: ctx.route,
    status: answer.status,
    duration_ms: Math.round(performance.now() - started),
    user_id: viewer?.id,
    address: address ?? undefined,
  });
  return answer;
});
