import { AppError } from "../../../../core/errors.ts";
import { cancelJob } from "../../../../core/jobs/cancel_job.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "job.cancel" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    const reason = (await readForm(ctx.req, ["reason"])).get("reason").slice(0, 1000);
    try {
      await cancelJob(ctx.state.services.sql, viewerOf(ctx.state), id, reason, callContext(ctx.state));
    } catch (thrown) {
      // It ended while the person was deciding: its page says so better than an error.
      if (!(thrown instanceof AppError && thrown.code === "job_final")) throw thrown;
    }
    return ctx.redirect(`/jobs/${id}`);
  },
});
