import { HttpError } from "../../../mod.ts";
import { define } from "../../site.ts";

/** Middleware that throws, answers itself, or calls next twice when a test asks for it. */
export const refuse = define.middleware(async (ctx) => {
  const how = ctx.req.headers.get("x-refuse");
  if (how === "throw") throw new HttpError(403);
  if (how === "answer") return new Response("stopped", { status: 418 });
  if (how === "twice") await ctx.next();
  return await ctx.next();
});
