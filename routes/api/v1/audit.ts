import { createRoute, z } from "@hono/zod-openapi";
import { verifyAudit } from "../../../core/audit/verify_audit.ts";
import { auditLog, AuditQuery } from "../../../core/views/audit_log.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Instant, listOf } from "../../(_api)/api_app.ts";
import { paging } from "../../(_api)/query.ts";
import { refuseOperator } from "../../(_api)/readers.ts";

/** For admins and auditors; operators are refused in the handlers, see `refuseOperator`. */
export const access = {
  "GET /audit": { role: "auditor", scope: "none", audit: null },
  "GET /audit/verify": { role: "auditor", scope: "none", audit: null },
} satisfies ApiAccess;

const Entry = z.object({
  seq: z.int(),
  at: Instant,
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  action: z.string(),
  object_kind: z.string().nullable(),
  object_id: z.string().nullable(),
  object_name: z.string().nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string().openapi({ description: "Of the row within the chain, hexadecimal." }),
}).openapi("AuditEntry");
const EntryList = listOf(Entry).openapi("AuditEntryList");

const Verdict = z.object({
  intact: z.boolean(),
  rows: z.int().openapi({ description: "Rows that hold, from the first on." }),
  head: z.string().nullable().openapi({ description: "Hash of the last row; null when the chain is broken." }),
  first_broken: z.int().nullable().openapi({ description: "The first row that does not hold." }),
  problem: z.string().nullable(),
}).openapi("AuditVerdict");

const { cursor: _cursor, limit: _limit, ...filters } = AuditQuery.shape;

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/audit",
      summary: "The audit log",
      description: "For admins and auditors.",
      request: { query: z.strictObject({ ...filters, ...paging(500) }) },
      responses: answers(200, EntryList, "One page, newest first.", [400, 401, 403]),
    }),
    async (c) => {
      refuseOperator(c.var.state);
      return c.json(answer(EntryList, await auditLog(c.var.state.services.sql, c.req.valid("query"))), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/audit/verify",
      summary: "Recompute the whole chain of the audit log",
      description: "For admins and auditors. Says either intact, or exactly the first row that does not hold.",
      responses: answers(200, Verdict, "What was found.", [401, 403]),
    }),
    async (c) => {
      refuseOperator(c.var.state);
      const verdict = { head: null, first_broken: null, problem: null, ...await verifyAudit(c.var.state.services.sql) };
      return c.json(answer(Verdict, verdict), 200);
    },
  );
