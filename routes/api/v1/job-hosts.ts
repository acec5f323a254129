import { createRoute, z } from "@hono/zod-openapi";
import { hostStates } from "../../../core/jobs/types.ts";
import { jobHostDetail, jobHostLog, jobHosts } from "../../../core/views/job_hosts.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Id, IdParam } from "../../(_api)/api_app.ts";
import { JobHostDetail, JobHostList, JobLog } from "../../(_api)/job_schemas.ts";
import { paging, WholeNumber } from "../../(_api)/query.ts";
import { viewerOf } from "../../(_role)/state.ts";

const read = { role: "auditor", scope: "hosts", audit: null } as const;

export const access = {
  "GET /jobs/{id}/hosts": read,
  "GET /jobs/{id}/hosts/{host_id}": read,
  "GET /jobs/{id}/hosts/{host_id}/log": read,
} satisfies ApiAccess;

const JobHostParams = z.object({ id: Id("id"), host_id: Id("host_id") });

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/jobs/{id}/hosts",
      summary: "Hosts of a job",
      request: {
        params: IdParam,
        query: z.strictObject({ state: z.enum(hostStates).optional(), ...paging(1_000) }),
      },
      responses: answers(200, JobHostList, "What needs a person first, then what runs.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const list = await jobHosts(sql, viewerOf(c.var.state).sees, id, c.req.valid("query"));
      return c.json(answer(JobHostList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/jobs/{id}/hosts/{host_id}",
      summary: "One host of a job, with its packages",
      request: { params: JobHostParams },
      responses: answers(200, JobHostDetail, "What was ordered there, and what came of it.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id, host_id } = c.req.valid("param");
      const host = await jobHostDetail(sql, viewerOf(c.var.state).sees, id, host_id);
      return c.json(answer(JobHostDetail, host), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/jobs/{id}/hosts/{host_id}/log",
      summary: "What the package manager said on one host",
      request: {
        params: JobHostParams,
        query: z.strictObject({
          after: WholeNumber(0, 2 ** 31 - 1).optional().openapi({
            description: "`next` of the piece before; default 0.",
          }),
        }),
      },
      responses: answers(200, JobLog, "A piece of the log.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id, host_id } = c.req.valid("param");
      const log = await jobHostLog(sql, viewerOf(c.var.state).sees, id, host_id, c.req.valid("query").after);
      return c.json(answer(JobLog, log), 200);
    },
  );
