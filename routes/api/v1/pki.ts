import { createRoute } from "@hono/zod-openapi";
import type { ApiAccess } from "../../../web/mod.ts";
import { apiApp, download } from "../../(_api)/api_app.ts";

export const access = {
  "GET /pki/crl.pem": { role: "anonymous", scope: "none", audit: null },
  "GET /pki/crl.der": { role: "anonymous", scope: "none", audit: null },
} satisfies ApiAccess;

const description = "Public, because whoever checks a certificate needs it. Signed by the internal CA.";

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/pki/crl.pem",
      summary: "The list of revoked certificates, PEM",
      description,
      responses: download("application/x-pem-file", "PEM", []),
    }),
    async (c) => {
      const { pem } = await c.var.state.services.crl.current();
      return c.body(pem, 200, { "content-type": "application/x-pem-file" });
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/pki/crl.der",
      summary: "The list of revoked certificates, DER",
      description,
      responses: download("application/pkix-crl", "DER (RFC 2585, 4.2)", []),
    }),
    async (c) => {
      const { der } = await c.var.state.services.crl.current();
      return c.body(der, 200, { "content-type": "application/pkix-crl" });
    },
  );
