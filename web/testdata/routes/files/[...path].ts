import { define } from "../../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

export const handler = define.handlers({ GET: (ctx) => new Response(ctx.params.path) });
