import { createRoute, z } from "@hono/zod-openapi";
import { allowedNetworks, changeAllowedNetworks } from "../../../core/access/change_networks.ts";
import { AllowedNetworksChange } from "../../../core/access/types.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Instant, jsonBody, listOf, wholeList } from "../../(_api)/api_app.ts";
import { callContext } from "../../(_role)/state.ts";

export const access = {
  "GET /allowed-networks": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "PUT /allowed-networks": { role: "admin", scope: "none", audit: "allowed_network.change", recent: true },
} satisfies ApiAccess;

const Network = z.object({
  network: z.string().openapi({ example: "10.1.0.0/16" }),
  note: z.string(),
  created_at: Instant,
  created_by: z.string().nullable().openapi({ description: "Null for what was allowed at the console." }),
}).openapi("AllowedNetwork");
const NetworkList = listOf(Network).openapi("AllowedNetworkList");

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/allowed-networks",
      summary: "Networks that may use pages and API",
      responses: answers(200, NetworkList, "All of them. Empty: everybody may come in.", [401, 403]),
    }),
    async (c) => c.json(answer(NetworkList, wholeList(await allowedNetworks(c.var.state.services.sql))), 200),
  )
  .openapi(
    createRoute({
      method: "put",
      path: "/allowed-networks",
      summary: "Replace the networks that may use pages and API",
      description:
        "In force at once, for open connections too. Refused when the caller's own address is in none of them.",
      request: jsonBody(AllowedNetworksChange),
      responses: answers(200, NetworkList, "In force now.", [400, 401, 403, 409, 413, 415]),
    }),
    async (c) => {
      const { state } = c.var;
      const after = await changeAllowedNetworks(state.services.sql, c.req.valid("json"), callContext(state));
      return c.json(answer(NetworkList, wholeList(after)), 200);
    },
  );
