import { define } from "../../site.ts";

/** Says in headers what ran, for tests. */
export const record = define.middleware(async (ctx) => {
  ctx.state.role = ctx.req.headers.get("x-role");
  ctx.state.steps.push("record");
  const response = await ctx.next();
  response.headers.set("x-steps", ctx.state.steps.join(","));
  response.headers.set("x-route", ctx.route);
  response.headers.set("x-seen-status", String(response.status));
  return response;
});
