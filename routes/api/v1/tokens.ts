import { createRoute, z } from "@hono/zod-openapi";
import { AppError } from "../../../core/errors.ts";
import { createToken } from "../../../core/tokens/create_token.ts";
import { revokeToken } from "../../../core/tokens/revoke_token.ts";
import { scopes } from "../../../core/tokens/scopes.ts";
import { TokenRequest } from "../../../core/tokens/types.ts";
import { tokensOf } from "../../../core/views/tokens.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, Instant, jsonBody, listOf, wholeList } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /tokens": { role: "auditor", scope: "none", audit: null },
  "POST /tokens": { role: "auditor", scope: "none", audit: "api_token.create", recent: true },
  "DELETE /tokens/{id}": { role: "auditor", scope: "none", audit: "api_token.revoke", recent: true },
} satisfies ApiAccess;

const Token = z.object({
  id: z.uuid(),
  user_id: z.uuid(),
  username: z.string().openapi({ description: "Who made it: it may never more than they may at the moment of use." }),
  name: z.string(),
  hint: z.string().openapi({ description: "Its first characters, by which a person knows it again." }),
  scopes: z.array(z.enum(scopes)),
  groups: z.array(z.object({ id: z.uuid(), name: z.string() })).nullable()
    .openapi({ description: "Only hosts in one of these; null: all that its maker may see." }),
  networks: z.array(z.string()).nullable()
    .openapi({ description: "Only from these; null: from anywhere that may come in." }),
  created_at: Instant,
  expires_at: Instant,
  last_used_at: Instant.nullable().openapi({ description: "Written down at most once a minute." }),
  last_used_address: z.string().nullable(),
  state: z.enum(["good", "asleep", "revoked", "expired"]).openapi({
    description: "asleep: its maker is disabled, or has to set a password or a second factor first.",
  }),
  ended_at: Instant.nullable(),
}).openapi("ApiToken");
const TokenList = listOf(Token).openapi("ApiTokenList");

const Made = z.object({
  id: z.uuid(),
  token: z.string().openapi({ description: "Send it as `Authorization: Bearer …`. It is in no other answer." }),
  expires_at: Instant,
}).openapi("ApiTokenMade");

const Whose = z.strictObject({
  user_id: z.uuid("is no id of a user").or(z.literal("all")).optional().openapi({
    description: "For admins and auditors: the tokens of a user, or `all`. Without it your own.",
  }),
});

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/tokens",
      summary: "API tokens, without the tokens themselves",
      request: { query: Whose },
      responses: answers(200, TokenList, "Good ones first, at most 500; ended ones stay for 30 days.", [400, 401, 403]),
    }),
    async (c) => {
      const viewer = viewerOf(c.var.state);
      const { user_id = viewer.id } = c.req.valid("query");
      if (user_id !== viewer.id && viewer.role === "operator") throw new AppError("forbidden");
      const tokens = await tokensOf(c.var.state.services.sql, user_id === "all" ? null : user_id);
      return c.json(answer(TokenList, wholeList(tokens)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/tokens",
      summary: "Make an API token",
      request: jsonBody(TokenRequest),
      responses: answers(201, Made, "Made. The token is shown now and never again.", [400, 401, 403, 413, 415]),
    }),
    async (c) => {
      const { state } = c.var;
      const made = await createToken(state.services.sql, viewerOf(state), c.req.valid("json"), callContext(state));
      return c.json(answer(Made, made), 201);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/tokens/{id}",
      summary: "Revoke an API token: your own, or anybody's as an admin",
      request: { params: IdParam },
      responses: answers(200, z.object({ id: z.uuid(), revoked: z.literal(true) }), "Revoked.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const { state } = c.var;
      const { id } = c.req.valid("param");
      await revokeToken(state.services.sql, viewerOf(state), id, callContext(state));
      return c.json({ id, revoked: true as const }, 200);
    },
  );
