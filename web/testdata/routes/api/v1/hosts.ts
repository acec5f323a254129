import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiAccess, ApiEnv } from "../../../../mod.ts";
import type { State } from "../../../site.ts";

export const access = {
  "GET /hosts": { role: "auditor", scope: "hosts", audit: null },
  "POST /hosts": { role: "operator", scope: "none", audit: "host.create" },
  "GET /hosts/{id}": { role: "auditor", scope: "hosts", audit: null },
  "GET /hosts/export": { role: "admin", scope: "hosts", audit: "host.export" },
} satisfies ApiAccess;

const Host = z.object({ id: z.string(), role: z.string().nullable() });
const answers = { 200: { description: "Host", content: { "application/json": { schema: Host } } } };
const api = new OpenAPIHono<ApiEnv<State>>();

export default api
  .openapi(
    createRoute({ method: "get", path: "/hosts", responses: answers }),
    (c) => c.json({ id: "all", role: c.var.state.role }, 200),
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/hosts",
      request: {
        body: { required: true, content: { "application/json": { schema: z.object({ name: z.string() }) } } },
      },
      responses: answers,
    }),
    (c) => {
      c.var.state.steps.push("created");
      return c.json({ id: c.req.valid("json").name, role: c.var.state.role }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/hosts/{id}",
      request: { params: z.object({ id: z.string() }) },
      responses: answers,
    }),
    (c) => {
      const { id } = c.req.valid("param");
      if (id === "boom") throw new Error("secret in /var/lib");
      return c.json({ id, role: c.var.context.route }, 200);
    },
  )
  .openapi(
    createRoute({ method: "get", path: "/hosts/export", responses: answers }),
    (c) => c.json({ id: "export", role: c.var.context.route }, 200),
  );
