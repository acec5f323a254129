import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { readOutside } from "../../../core/audit/checkpoint_file.ts";
import type { Verification } from "../../../core/audit/types.ts";
import { lastVerifications } from "../../../core/audit/verifications.ts";
import { verifyAudit } from "../../../core/audit/verify_audit.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { exportAuditCsv, exportAuditJson } from "../../../core/views/audit_export.ts";
import { AuditFilter, auditLog } from "../../../core/views/audit_log.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, download, type Env, wholeList } from "../../(_api)/api_app.ts";
import {
  EntryList,
  Export,
  Verdict,
  VerificationList,
  VerificationRun,
  wholeVerdict,
} from "../../(_api)/audit_schemas.ts";
import { paging } from "../../(_api)/query.ts";
import { endOf, streamText } from "../../(_api)/stream_text.ts";
import { callContext, type Services } from "../../(_role)/state.ts";

export const access = {
  "GET /audit": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "GET /audit/verify": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "GET /audit/verifications": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "POST /audit/verifications": { role: "auditor", scope: "none", audit: "audit.verify", tells_all: true },
  "GET /audit/export.csv": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "GET /audit/export.json": { role: "auditor", scope: "none", audit: null, tells_all: true },
} satisfies ApiAccess;

const filters = AuditFilter.shape;
const description = "For admins and auditors.";

const shown = (run: Verification) => ({ ...run, verdict: run.verdict && wholeVerdict(run.verdict) });

function saved({ clock }: Services, type: string, ending: string): Record<string, string> {
  const name = `audit-${rfc3339(clock.now()).slice(0, 10)}.${ending}`;
  return { "content-type": type, "content-disposition": `attachment; filename="${name}"` };
}

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/audit",
      summary: "The audit log",
      description,
      request: { query: z.strictObject({ ...filters, ...paging(500) }) },
      responses: answers(200, EntryList, "One page, newest first.", [400, 401, 403]),
    }),
    async (c) => {
      return c.json(answer(EntryList, await auditLog(c.var.state.services.sql, c.req.valid("query"))), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/audit/verify",
      summary: "Recompute the whole chain of the audit log and wait for what is found",
      description: `${description} Says either intact, or exactly the first row that does not hold.`,
      responses: answers(200, Verdict, "What was found.", [401, 403]),
    }),
    async (c) => {
      const { sql, audit } = c.var.state.services;
      const outside = await readOutside(audit.proof.folder);
      const verdict = await verifyAudit(sql, { keys: audit.proof.keys, outside });
      return c.json(answer(Verdict, wholeVerdict(verdict)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/audit/verifications",
      summary: "The last verifications, with how far the one is that is under way",
      description,
      responses: answers(200, VerificationList, "Newest first, at most ten.", [401, 403]),
    }),
    async (c) => {
      const runs = await lastVerifications(c.var.state.services.sql, 10);
      return c.json(answer(VerificationList, wholeList(runs.map(shown))), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/audit/verifications",
      summary: "Begin to verify the audit log",
      description: `${description} While one is under way, that one is answered.`,
      responses: answers(202, VerificationRun, "It runs; read the list to see how far it is.", [401, 403]),
    }),
    async (c) => {
      const run = await c.var.state.services.audit.ask("asked", callContext(c.var.state));
      return c.json(answer(VerificationRun, shown(run)), 202);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/audit/export.csv",
      summary: "The audit log as CSV, as a stream",
      description: `${description} Newest first, with the filters of the list.`,
      request: { query: z.strictObject(filters) },
      responses: download("text/csv", "CSV (RFC 4180)", [400, 401, 403]),
    }),
    (c) => {
      const { services } = c.var.state;
      const pieces = exportAuditCsv(services.sql, c.req.valid("query"));
      const headers = saved(services, "text/csv; charset=utf-8; header=present", "csv");
      return streamText(pieces, headers, endOf(c.var.state));
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/audit/export.json",
      summary: "The audit log as JSON, as a stream",
      description: `${description} Oldest first, one row a line. Without a filter it can be verified anywhere: ` +
        "patch-manager verify audit --export FILE.",
      request: { query: z.strictObject(filters) },
      responses: answers(200, Export, "The log.", [400, 401, 403]),
    }),
    // The type of an answer as JSON has no place for one that is made while it is sent.
    (async (c: Context<Env>) => {
      const { services } = c.var.state;
      const pieces = exportAuditJson(services.sql, c.req.query(), services.audit.proof.keys, services.clock.now());
      return await streamText(pieces, saved(services, "application/json", "json"), endOf(c.var.state));
    }) as never,
  );
