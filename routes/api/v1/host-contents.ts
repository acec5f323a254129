import { createRoute, z } from "@hono/zod-openapi";
import { downloadHostCertificate } from "../../../core/certificates/download_host_certificate.ts";
import { hostDetail } from "../../../core/views/host_detail.ts";
import { hostJobs } from "../../../core/views/host_jobs.ts";
import { hostPackages } from "../../../core/views/host_packages.ts";
import { hostPatches, patchSorts } from "../../../core/views/host_patches.ts";
import { patchStates } from "../../../protocol/api.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, download, IdParam, wholeList } from "../../(_api)/api_app.ts";
import { HostGroupList, HostJobList, HostPackageList, HostPatchList } from "../../(_api)/host_schemas.ts";
import { Flag, paging, Text } from "../../(_api)/query.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

const read = { role: "auditor", scope: "hosts", audit: null } as const;

export const access = {
  "GET /hosts/{id}/patches": read,
  "GET /hosts/{id}/packages": read,
  "GET /hosts/{id}/jobs": read,
  "GET /hosts/{id}/groups": read,
  "GET /hosts/{id}/client.crt": { role: "auditor", scope: "hosts", audit: "certificate.download" },
} satisfies ApiAccess;

const search = Text(200).optional();

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}/patches",
      summary: "Updates that are pending on a host",
      request: {
        params: IdParam,
        query: z.strictObject({
          search,
          security: Flag.optional(),
          state: z.enum(patchStates).optional(),
          sort: z.enum(patchSorts).optional(),
          ...paging(1_000),
        }),
      },
      responses: answers(200, HostPatchList, "One page.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const list = await hostPatches(sql, viewerOf(c.var.state).sees, id, c.req.valid("query"));
      return c.json(answer(HostPatchList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}/packages",
      summary: "Packages that are installed on a host",
      request: {
        params: IdParam,
        query: z.strictObject({ search, upgradable: Flag.optional(), ...paging(1_000) }),
      },
      responses: answers(200, HostPackageList, "One page, by name.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const list = await hostPackages(sql, viewerOf(c.var.state).sees, id, c.req.valid("query"));
      return c.json(answer(HostPackageList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}/jobs",
      summary: "What was done on a host",
      request: { params: IdParam, query: z.strictObject(paging(200)) },
      responses: answers(200, HostJobList, "One page, newest first.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const list = await hostJobs(sql, viewerOf(c.var.state).sees, id, c.req.valid("query"));
      return c.json(answer(HostJobList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}/groups",
      summary: "Groups that a host is in",
      request: { params: IdParam },
      responses: answers(200, HostGroupList, "Those that the caller may know of.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { groups } = await hostDetail(sql, viewerOf(c.var.state).sees, c.req.valid("param").id);
      return c.json(answer(HostGroupList, wholeList(groups)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}/client.crt",
      summary: "The certificate that a host shows",
      description: "The newest one of ours that was not revoked, PEM. Its key stays on the host.",
      request: { params: IdParam },
      responses: download("application/x-pem-file", "PEM", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const { pem, serial } = await downloadHostCertificate(
        sql,
        viewerOf(c.var.state).sees,
        id,
        callContext(c.var.state),
      );
      return c.body(pem, 200, {
        "content-type": "application/x-pem-file",
        // The serial, not the host's name: a name in a header would have to be quoted.
        "content-disposition": `attachment; filename="${serial}.crt"`,
      });
    },
  );
