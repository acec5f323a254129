import { approveEnrolment } from "../../../../core/enrolment/decide_enrolment.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { issuerOf } from "../../../(_role)/issuer.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = {
  role: "operator",
  scope: "hosts",
  audit: "enrolment.approve",
  recent: true,
} as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { services } = ctx.state;
    const groups = (await readForm(ctx.req, [], ["group"])).all("group");
    const issuer = await issuerOf(services);
    await approveEnrolment(
      services.sql,
      viewerOf(ctx.state).sees,
      ctx.params.id,
      groups,
      issuer,
      callContext(ctx.state),
    );
    return ctx.redirect("/enrolments");
  },
});
