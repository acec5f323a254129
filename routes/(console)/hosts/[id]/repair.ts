import { createRepair } from "../../../../core/jobs/create_repair.ts";
import type { RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "operator", scope: "hosts", audit: "job.create" } as const satisfies RouteAccess;

export const handler = define.handlers({
  async POST(ctx) {
    const { id } = ctx.params;
    const form = await readForm(ctx.req, ["reason"]);
    const order = { reason: form.get("reason").slice(0, 1_000) };
    const { sql } = ctx.state.services;
    const { job_id } = await createRepair(sql, viewerOf(ctx.state), id, order, null, callContext(ctx.state));
    return ctx.redirect(`/jobs/${job_id}`);
  },
});
