import type { RouteAccess } from "../web/mod.ts";
import { define } from "./(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: null } as const satisfies RouteAccess;

/** Until there is a dashboard, the list of hosts is what people want to see first. */
export const handler = define.handlers({ GET: (ctx) => ctx.redirect("/hosts") });
