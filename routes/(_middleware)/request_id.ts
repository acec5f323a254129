import { ulid } from "../../core/ids.ts";
import { define } from "../(_role)/state.ts";

/** Every answer and every log line of a request carries its ULID; one that a client sends is never taken over. */
export const requestId = define.middleware(async (ctx) => {
  ctx.state.request_id = ulid(ctx.state.services.clock);
  const answer = await ctx.next();
  answer.headers.set("x-request-id", ctx.state.request_id);
  return answer;
});
