import type { RouteAccess } from "../../web/mod.ts";
import { define } from "../(_role)/state.ts";

export const access = { role: "anonymous", scope: "none", audit: null } as const satisfies RouteAccess;

/**
 * For load balancers and monitoring: 200, or 503 with what is missing. Nothing else: anybody may ask, so neither
 * version nor reason stand here.
 */
export const handler = define.handlers({
  async GET(ctx) {
    const missing = await ctx.state.services.readiness.check();
    if (missing.length === 0) return Response.json({ status: "ok" });
    return Response.json({ status: "unavailable", missing }, { status: 503, headers: { "retry-after": "10" } });
  },
});
