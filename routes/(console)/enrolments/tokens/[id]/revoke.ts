import { revokeEnrolmentToken } from "../../../../../core/enrolment/create_enrolment_tokens.ts";
import { AppError } from "../../../../../core/errors.ts";
import { enrolmentTokens } from "../../../../../core/views/enrolments.ts";
import type { RouteAccess } from "../../../../../web/mod.ts";
import { readForm } from "../../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../../(_role)/state.ts";

export const access = {
  POST: { role: "operator", scope: "hosts", audit: "enrolment_token.revoke" },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  async POST(ctx) {
    const { sql } = ctx.state.services;
    await readForm(ctx.req, []);
    // A token of somebody else's groups is none, as everything out of scope.
    const known = await enrolmentTokens(sql, viewerOf(ctx.state).sees);
    if (!known.some(({ id }) => id === ctx.params.id)) throw new AppError("not_found");
    await revokeEnrolmentToken(sql, ctx.params.id, callContext(ctx.state));
    return ctx.redirect("/enrolments");
  },
});
