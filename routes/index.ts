import type { RouteAccess } from "../web/mod.ts";
import { define } from "./(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: null } as const satisfies RouteAccess;

/** What people open in the morning. */
export const handler = define.handlers({ GET: (ctx) => ctx.redirect("/dashboard") });
