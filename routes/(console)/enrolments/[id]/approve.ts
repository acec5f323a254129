import { approveEnrolment } from "../../../../core/enrolment/decide_enrolment.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "enrolment.approve" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { sql, issuer } = ctx.state.services;
    await approveEnrolment(sql, viewerOf(ctx.state).id, ctx.params.id, [], issuer, callContext(ctx.state));
    return ctx.redirect("/enrolments");
  },
});
