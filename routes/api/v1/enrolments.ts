import { createRoute, z } from "@hono/zod-openapi";
import { approveEnrolment, denyEnrolment } from "../../../core/enrolment/decide_enrolment.ts";
import { enrolmentPage } from "../../../core/views/enrolments.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, Instant, listOf, optionalJsonBody } from "../../(_api)/api_app.ts";
import { paging } from "../../(_api)/query.ts";
import { issuerOf } from "../../(_role)/issuer.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /enrolments": { role: "auditor", scope: "hosts", audit: null },
  "POST /enrolments/{id}/approve": { role: "operator", scope: "hosts", audit: "enrolment.approve", recent: true },
  "POST /enrolments/{id}/deny": { role: "operator", scope: "hosts", audit: "enrolment.deny" },
} satisfies ApiAccess;

const Enrolment = z.object({
  id: z.uuid(),
  fqdn: z.string(),
  address: z.string().openapi({ description: "Where it says that its agent listens." }),
  port: z.int(),
  source_address: z.string().openapi({ description: "Where the request came from." }),
  hostname: z.string().nullable(),
  os_details: z.record(z.string(), z.unknown()),
  own_key: z.boolean().openapi({ description: "Its key was made on the machine and never leaves it." }),
  clone_of: z.object({ id: z.uuid(), name: z.string() }).nullable().openapi({
    description: "A known machine with the same machine id.",
  }),
  groups: z.array(z.string()),
  created_at: Instant,
  expires_at: Instant,
}).openapi("Enrolment");
const EnrolmentList = listOf(Enrolment).openapi("EnrolmentList");

const Approval = z.strictObject({
  group_ids: z.array(z.uuid()).max(100).optional().openapi({ description: "Groups that the host joins." }),
});

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/enrolments",
      summary: "Machines that wait for a decision",
      request: { query: z.strictObject(paging(500)) },
      responses: answers(200, EnrolmentList, "Those that asked first on top.", [400, 401]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      // Programs that know no pages go on as before: the largest one is what they get.
      const { cursor, limit = 500 } = c.req.valid("query");
      const waiting = await enrolmentPage(sql, viewerOf(c.var.state).sees, { cursor, limit });
      return c.json(answer(EnrolmentList, waiting), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/enrolments/{id}/approve",
      summary: "Let a machine in",
      request: { params: IdParam, ...optionalJsonBody(Approval) },
      responses: answers(
        200,
        z.object({ host_id: z.uuid() }).openapi("EnrolmentApproved"),
        "It is a host now; its agent collects the certificate.",
        [400, 401, 403, 404, 409, 415],
      ),
    }),
    async (c) => {
      const { services } = c.var.state;
      const { id } = c.req.valid("param");
      const { group_ids = [] } = c.req.valid("json");
      const viewer = viewerOf(c.var.state);
      const issuer = await issuerOf(services);
      const approved = await approveEnrolment(
        services.sql,
        viewer.sees,
        id,
        group_ids,
        issuer,
        callContext(c.var.state),
      );
      return c.json({ host_id: approved.host_id }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/enrolments/{id}/deny",
      summary: "Refuse a machine",
      request: { params: IdParam },
      responses: answers(
        200,
        z.object({ id: z.uuid(), denied: z.literal(true) }).openapi("EnrolmentDenied"),
        "Its agent is told.",
        [400, 401, 403, 404],
      ),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      await denyEnrolment(sql, viewerOf(c.var.state).sees, id, callContext(c.var.state));
      return c.json({ id, denied: true as const }, 200);
    },
  );
