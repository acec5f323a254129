import { createRoute } from "@hono/zod-openapi";
import { createReboot } from "../../../core/jobs/create_reboot.ts";
import { createRepair } from "../../../core/jobs/create_repair.ts";
import { RebootOrder, RepairOrder } from "../../../core/jobs/types.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, optionalJsonBody } from "../../(_api)/api_app.ts";
import { JobCreated, OrderKey, orderKeyOf } from "../../(_api)/job_schemas.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /hosts/{id}/repair": { role: "operator", scope: "hosts", audit: "job.create" },
  "POST /hosts/{id}/reboot": { role: "operator", scope: "hosts", audit: "job.create" },
} satisfies ApiAccess;

const ordered = {
  ...answers(201, JobCreated, "Ordered.", [400, 401, 403, 404, 409, 413, 415]),
  ...answers(200, JobCreated, "It was ordered with this key before.", []),
};

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts/{id}/repair",
      summary: "Finish what was interrupted in a host's package manager",
      description:
        "A job like any other; it removes no package. It has succeeded when the host's package manager is in order, " +
        "as read from the host.",
      request: { params: IdParam, headers: OrderKey, ...optionalJsonBody(RepairOrder) },
      responses: ordered,
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const key = orderKeyOf(c.req.valid("header"));
      const body = c.req.valid("json");
      const made = await createRepair(sql, viewerOf(c.var.state), id, body, key, callContext(c.var.state));
      c.header("location", `/api/v1/jobs/${made.job_id}`);
      return c.json(answer(JobCreated, made), made.repeated ? 200 : 201);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts/{id}/reboot",
      summary: "Restart a host",
      description:
        "A job like any other: users of the host are warned, and it has succeeded when the host is back in another " +
        "boot than before. One that does not come back within 30 minutes has failed.",
      request: { params: IdParam, headers: OrderKey, ...optionalJsonBody(RebootOrder) },
      responses: ordered,
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const key = orderKeyOf(c.req.valid("header"));
      const body = c.req.valid("json");
      const made = await createReboot(sql, viewerOf(c.var.state), id, body, key, callContext(c.var.state));
      c.header("location", `/api/v1/jobs/${made.job_id}`);
      return c.json(answer(JobCreated, made), made.repeated ? 200 : 201);
    },
  );
