import { createRoute, z } from "@hono/zod-openapi";
import { confirmReach } from "../../../core/auth/confirm_reach.ts";
import { MAX_REFRESH, requestRefresh } from "../../../core/hosts/request_refresh.ts";
import { pollKinds } from "../../../core/hosts/types.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody, optionalJsonBody } from "../../(_api)/api_app.ts";
import { RefreshAccepted } from "../../(_api)/host_schemas.ts";
import { viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /hosts/refresh": { role: "operator", scope: "hosts", audit: null },
  "POST /hosts/{id}/refresh": { role: "operator", scope: "hosts", audit: null },
} satisfies ApiAccess;

const how = {
  kinds: z.array(z.enum(pollKinds)).min(1).max(pollKinds.length).optional().openapi({ description: "Default: both." }),
  max_index_age: z.int().min(0).max(31_536_000).nullable().optional().openapi({
    description: "Seconds: an older package index is refreshed by the host first. Default: taken as it is.",
  }),
};
const refused = [400, 401, 403, 404, 413, 415];

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts/refresh",
      summary: "Ask hosts for fresh data",
      request: jsonBody(z.strictObject({ host_ids: z.array(z.uuid()).min(1).max(MAX_REFRESH), ...how })),
      responses: answers(202, RefreshAccepted, "Asked; `last_ok_at` of the polls tells when it is done.", refused),
    }),
    async (c) => {
      const { host_ids, ...options } = c.req.valid("json");
      const { sql, clock } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      await confirmReach(sql, viewer, new Set(host_ids).size, clock);
      const asked = await requestRefresh(sql, viewer.sees, host_ids, options);
      return c.json(answer(RefreshAccepted, asked), 202);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts/{id}/refresh",
      summary: "Ask one host for fresh data",
      request: { params: IdParam, ...optionalJsonBody(z.strictObject(how)) },
      responses: answers(202, RefreshAccepted, "Asked; `last_ok_at` of the polls tells when it is done.", refused),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const ids = [c.req.valid("param").id];
      const asked = await requestRefresh(sql, viewerOf(c.var.state).sees, ids, c.req.valid("json"));
      return c.json(answer(RefreshAccepted, asked), 202);
    },
  );
