import { compressed } from "../(_components)/compressed.ts";
import { define } from "../../(_role)/state.ts";

/**
 * The list of hosts, its rows and its export are the large answers of the product: they travel compressed. Nothing else
 * does.
 */
export default define.middleware(async (ctx) => {
  const answer = await ctx.next();
  const large = ["/hosts", "/hosts/rows", "/hosts/export.csv"].includes(ctx.route);
  return large && ctx.req.method === "GET" ? compressed(ctx.req, ctx.url, answer) : answer;
});
