import { record } from "./(_middleware)/record.ts";
import { refuse } from "./(_middleware)/refuse.ts";
import { define } from "../site.ts";

export default [
  record,
  refuse,
  define.middleware(async (ctx) => {
    const response = await ctx.next();
    response.headers.set(
      "content-security-policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    return response;
  }),
];
