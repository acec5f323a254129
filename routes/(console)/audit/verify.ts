import type { RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define } from "../../(_role)/state.ts";

export const access = {
  role: "auditor",
  scope: "none",
  audit: "audit.verify",
  tells_all: true,
} as const satisfies RouteAccess;

/** The button without script: begins a verification and goes back to where its progress shows. */
export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    await ctx.state.services.audit.ask("asked", callContext(ctx.state));
    return ctx.redirect("/audit?tab=verification");
  },
});
