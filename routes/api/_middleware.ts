import { gzipped } from "../(_role)/gzip.ts";
import { define } from "../(_role)/state.ts";

/**
 * Lists for programs travel compressed. Only towards a caller with a token of its own in the request: a browser sends its
 * cookie along wherever another site leads it, and the length of what is compressed would tell that site's owner what the
 * answer holds (BREACH).
 */
export default define.middleware(async (ctx) => {
  const answer = await ctx.next();
  const programs = ctx.req.method === "GET" && ctx.req.headers.has("authorization") && !ctx.req.headers.has("cookie");
  const text = /^(application\/json|text\/csv)\b/.test(answer.headers.get("content-type") ?? "");
  return programs && text ? gzipped(ctx.req, answer) : answer;
});
