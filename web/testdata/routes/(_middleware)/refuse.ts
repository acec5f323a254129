import { HttpError } from "../../../mod.ts";
import { define } from "../../site.ts";

/** Middleware that throws, answers itself, replaces the answer, or calls next twice when a test asks for it. */
export const refuse = define.middleware(async (ctx) => {
  const how = ctx.req.headers.get("x-refuse");
  if (how === "throw") throw new HttpError(403);
  if (how === "answer") return new Response("stopped", { status: 418 });
  if (how === "twice") await ctx.next();
  const response = await ctx.next();
  return how === "replace" ? new Response("replaced") : response;
});
