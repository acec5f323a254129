import { denyEnrolment } from "../../../../core/enrolment/decide_enrolment.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "enrolment.deny" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, [], ["group"]);
    const { sql } = ctx.state.services;
    await denyEnrolment(sql, viewerOf(ctx.state).sees, ctx.params.id, callContext(ctx.state));
    return ctx.redirect("/enrolments");
  },
});
