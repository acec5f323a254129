import { createRoute } from "@hono/zod-openapi";
import { createRollback } from "../../../core/jobs/create_rollback.ts";
import { RollbackOrder } from "../../../core/jobs/types.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, optionalJsonBody } from "../../(_api)/api_app.ts";
import { JobCreated, OrderKey, orderKeyOf } from "../../(_api)/job_schemas.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /jobs/{id}/rollback": { role: "operator", scope: "hosts", audit: "job.create" },
} satisfies ApiAccess;

export default apiApp().openapi(
  createRoute({
    method: "post",
    path: "/jobs/{id}/rollback",
    summary: "Take a deployment back, best effort",
    description:
      "A new job on the chosen hosts, or on all of which the agent says that it can. Former versions may be gone, and " +
      "some packages cannot be taken back: each host of the job says why in `report.rollback`.",
    request: { params: IdParam, headers: OrderKey, ...optionalJsonBody(RollbackOrder) },
    responses: {
      ...answers(201, JobCreated, "Ordered.", [400, 401, 403, 404, 409, 413, 415, 422]),
      ...answers(200, JobCreated, "It was ordered with this key before.", []),
    },
  }),
  async (c) => {
    const { sql } = c.var.state.services;
    const { id } = c.req.valid("param");
    const key = orderKeyOf(c.req.valid("header"));
    const body = c.req.valid("json");
    const made = await createRollback(sql, viewerOf(c.var.state), id, body, key, callContext(c.var.state));
    c.header("location", `/api/v1/jobs/${made.job_id}`);
    return c.json(answer(JobCreated, made), made.repeated ? 200 : 201);
  },
);
