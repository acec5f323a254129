import { createRoute, z } from "@hono/zod-openapi";
import type { ApiAccess } from "../../../web/mod.ts";
import { apiApp } from "../../(_api)/api_app.ts";

export const access = {
  "GET /ca/root.crt": { role: "anonymous", scope: "none", audit: null },
} satisfies ApiAccess;

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/ca/root.crt",
      summary: "The internal CA's root certificate",
      description: "Public: an enrolling host fetches it without trust and compares its SHA-256 fingerprint.",
      responses: {
        200: { description: "PEM", content: { "application/x-pem-file": { schema: z.string() } } },
      },
    }),
    (c) =>
      c.body(c.var.state.services.ca_certificate, 200, {
        "content-type": "application/x-pem-file",
        "content-disposition": 'attachment; filename="patch-manager-root.crt"',
      }),
  );
