import { createRollback } from "../../../../core/jobs/create_rollback.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "job.create" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const form = await readForm(ctx.req, ["reason"], ["host"]);
    const chosen = form.all("host");
    const order = { reason: form.get("reason").slice(0, 1_000), host_ids: chosen.length > 0 ? chosen : null };
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state);
    const { job_id } = await createRollback(sql, viewer, ctx.params.id, order, null, callContext(ctx.state));
    return ctx.redirect(`/jobs/${job_id}`);
  },
});
