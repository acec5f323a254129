import { createRoute, z } from "@hono/zod-openapi";
import type { ApiAccess } from "../../../web/mod.ts";
import { answers, apiApp } from "../../(_api)/api_app.ts";
import { describeApi } from "../../(_api)/document.ts";

/** Signed in only: a stranger need not learn what can be asked. */
export const access = {
  "GET /openapi.json": { role: "auditor", scope: "none", audit: null },
} satisfies ApiAccess;

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/openapi.json",
      summary: "This description, OpenAPI 3.1",
      responses: answers(200, z.record(z.string(), z.unknown()), "OpenAPI 3.1.", [401]),
    }),
    (c) => c.json({ ...describeApi(c.var.context.site, c.var.state.services.version) }, 200),
  );
