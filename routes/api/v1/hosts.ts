import { createRoute, z } from "@hono/zod-openapi";
import { registerHost } from "../../../core/hosts/register_host.ts";
import { removeHost } from "../../../core/hosts/remove_host.ts";
import { HostRegistration } from "../../../core/hosts/types.ts";
import { hostDetail } from "../../../core/views/host_detail.ts";
import { HostFilter } from "../../../core/views/host_filter.ts";
import { HostSort, listHosts } from "../../../core/views/list_hosts.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody } from "../../(_api)/api_app.ts";
import { HostCreated, HostDetail, HostList, HostRemoved } from "../../(_api)/host_schemas.ts";
import { paging } from "../../(_api)/query.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /hosts": { role: "auditor", scope: "hosts", audit: null },
  "POST /hosts": { role: "operator", scope: "hosts", audit: "host.create" },
  "GET /hosts/{id}": { role: "auditor", scope: "hosts", audit: null },
  "DELETE /hosts/{id}": { role: "operator", scope: "hosts", audit: "host.remove", recent: true },
} satisfies ApiAccess;

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts",
      summary: "Hosts, filtered and sorted",
      request: { query: z.strictObject({ ...HostFilter.shape, sort: HostSort.optional(), ...paging(500) }) },
      responses: answers(200, HostList, "One page, with the numbers of every filter.", [400, 401]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const list = await listHosts(sql, viewerOf(c.var.state).sees, c.req.valid("query"));
      return c.json(answer(HostList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts",
      summary: "Register a host by name or IP address",
      description: "A name is resolved now. The host is polled at once.",
      request: jsonBody(HostRegistration),
      responses: answers(201, HostCreated, "Registered.", [400, 401, 403, 409, 413, 415, 422]),
    }),
    async (c) => {
      const { sql, resolve } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      const host = await registerHost(sql, viewer.sees, c.req.valid("json"), resolve, callContext(c.var.state));
      c.header("location", `/api/v1/hosts/${host.id}`);
      return c.json(answer(HostCreated, host), 201);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}",
      summary: "Everything about one host but its lists",
      request: { params: IdParam },
      responses: answers(200, HostDetail, "The host.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const host = await hostDetail(sql, viewerOf(c.var.state).sees, c.req.valid("param").id);
      return c.json(answer(HostDetail, host), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/hosts/{id}",
      summary: "Remove a host",
      description: "It is no longer polled, what was queued for it is cancelled, its certificates are revoked.",
      request: { params: IdParam },
      responses: answers(200, HostRemoved, "Removed; its history stays.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const removed = await removeHost(sql, viewerOf(c.var.state).sees, id, callContext(c.var.state));
      return c.json(answer(HostRemoved, { ...removed, revoked_certificates: removed.revoked_serials.length }), 200);
    },
  );
