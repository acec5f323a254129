import { createRoute, z } from "@hono/zod-openapi";
import { cancelJob } from "../../../core/jobs/cancel_job.ts";
import { createJob } from "../../../core/jobs/create_job.ts";
import { retryFailed } from "../../../core/jobs/retry_failed.ts";
import { jobKinds, JobOrder } from "../../../core/jobs/types.ts";
import { deployPreview, DeploySelection } from "../../../core/views/deploy_preview.ts";
import { jobDetail, jobList } from "../../../core/views/list_jobs.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody } from "../../(_api)/api_app.ts";
import { Job, JobCancelled, JobCreated, JobList, JobPreview, OrderKey, orderKeyOf } from "../../(_api)/job_schemas.ts";
import { paging, Text } from "../../(_api)/query.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /jobs": { role: "auditor", scope: "hosts", audit: null },
  "POST /jobs": { role: "operator", scope: "hosts", audit: "job.create" },
  "POST /jobs/preview": { role: "auditor", scope: "hosts", audit: null },
  "GET /jobs/{id}": { role: "auditor", scope: "hosts", audit: null },
  "POST /jobs/{id}/cancel": { role: "operator", scope: "hosts", audit: "job.cancel" },
  "POST /jobs/{id}/retry": { role: "operator", scope: "hosts", audit: "job.create" },
} satisfies ApiAccess;

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/jobs",
      summary: "Jobs",
      request: {
        query: z.strictObject({
          kind: z.enum(jobKinds).optional(),
          state: z.enum(["open", "ended"]).optional(),
          ...paging(200),
        }),
      },
      responses: answers(200, JobList, "One page, newest first.", [400, 401]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const list = await jobList(sql, viewerOf(c.var.state).sees, c.req.valid("query"));
      return c.json(answer(JobList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/jobs",
      summary: "Apply updates now, or try them out",
      description:
        "Orders what is installable on the chosen hosts, in exactly the versions on offer. `dry_run` changes " +
        "nothing. A version that is on offer and not among `packages` refuses the order (409), unless it is named in " +
        "`except`: hosts that are offered it keep what they have. `reboot` restarts hosts afterwards: when they ask for " +
        "it (`needed`) or in any case (`always`). The same Idempotency-Key with the same order answers the same job " +
        "(200) and does nothing again.",
      request: {
        headers: OrderKey,
        ...jsonBody(JobOrder),
      },
      responses: {
        ...answers(201, JobCreated, "Ordered.", [400, 401, 403, 404, 409, 413, 415, 422]),
        ...answers(200, JobCreated, "It was ordered with this key before.", []),
      },
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const key = orderKeyOf(c.req.valid("header"));
      const made = await createJob(sql, viewerOf(c.var.state), c.req.valid("json"), key, callContext(c.var.state));
      c.header("location", `/api/v1/jobs/${made.job_id}`);
      return c.json(answer(JobCreated, made), made.repeated ? 200 : 201);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/jobs/preview",
      summary: "What an order would do",
      description:
        "Changes nothing. It is a POST because a selection of thousands of hosts does not fit into an address.",
      request: jsonBody(DeploySelection),
      responses: answers(200, JobPreview, "From what the hosts reported last.", [400, 401, 404, 413, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const preview = await deployPreview(sql, viewerOf(c.var.state).sees, c.req.valid("json"));
      return c.json(answer(JobPreview, preview), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/jobs/{id}",
      summary: "One job",
      request: { params: IdParam },
      responses: answers(200, Job, "The job, as far as its hosts are the caller's.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const job = await jobDetail(sql, viewerOf(c.var.state).sees, c.req.valid("param").id);
      return c.json(answer(Job, job), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/jobs/{id}/cancel",
      summary: "Cancel a job",
      description: "At once where nothing was sent yet; else the host is asked, and refuses once it installs.",
      request: {
        params: IdParam,
        ...jsonBody(z.strictObject({
          reason: Text(1_000).trim().min(1, "must say why").openapi({ description: "Kept with the job." }),
        })),
      },
      responses: answers(200, JobCancelled, "What came of it.", [400, 401, 403, 404, 409, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { reason } = c.req.valid("json");
      const { id } = c.req.valid("param");
      const result = await cancelJob(sql, viewerOf(c.var.state), id, reason, callContext(c.var.state));
      return c.json(answer(JobCancelled, result), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/jobs/{id}/retry",
      summary: "Order again what failed",
      description:
        "A new job on the hosts that failed or were missed, where the same version is still on offer. Hosts " +
        "that ended as unknown are never part of it.",
      request: { params: IdParam },
      responses: answers(201, JobCreated, "Ordered.", [400, 401, 403, 404, 409, 422]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const made = await retryFailed(sql, viewerOf(c.var.state), id, callContext(c.var.state));
      c.header("location", `/api/v1/jobs/${made.job_id}`);
      return c.json(answer(JobCreated, made), 201);
    },
  );
