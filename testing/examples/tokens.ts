import { uuidv7 } from "../../core/ids.ts";
import { makeApiToken } from "../api_tokens.ts";
import type { TestCaller, TestSite } from "../site.ts";
import { get, type Topic } from "./topic.ts";

let made = 0;

/** A token of whoever is going to revoke it; nobody's for nobody. */
async function ownToken(site: TestSite, caller: TestCaller | undefined): Promise<string> {
  return caller ? (await makeApiToken(site, caller.user_id)).id : uuidv7();
}

/** Routes of API tokens. */
export default {
  api: {
    "GET /api/v1/tokens": get("/api/v1/tokens"),
    "POST /api/v1/tokens": {
      request: () => ({
        method: "POST",
        path: "/api/v1/tokens",
        json: { name: `nightly ${++made}`, scopes: ["read"], expires_in_days: 30 },
      }),
      status: 201,
    },
    "DELETE /api/v1/tokens/:id": {
      request: async (site, caller) => ({ method: "DELETE", path: `/api/v1/tokens/${await ownToken(site, caller)}` }),
      status: 200,
    },
  },
  forms: {
    "POST /profile/tokens/new": () => ({
      path: "/profile/tokens/new",
      fields: [["name", `nightly ${++made}`], ["scope", "read"], ["networks", ""], ["expires_in_days", "30"]],
    }),
    "POST /profile/tokens/:id/revoke": async (site, caller) => ({
      path: `/profile/tokens/${await ownToken(site, caller)}/revoke`,
      fields: [["back", "/profile/tokens"]],
    }),
  },
} satisfies Topic;
