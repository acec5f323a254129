import { retryFailed } from "../../../../core/jobs/retry_failed.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "job.create" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    await readForm(ctx.req, []);
    const { sql } = ctx.state.services;
    const { job_id } = await retryFailed(sql, viewerOf(ctx.state), ctx.params.id, callContext(ctx.state));
    return ctx.redirect(`/jobs/${job_id}`);
  },
});
