import { createRoute, z } from "@hono/zod-openapi";
import { createEnrolmentTokens, revokeEnrolmentToken } from "../../../core/enrolment/create_enrolment_tokens.ts";
import { enrolmentCommand } from "../../../core/enrolment/rules.ts";
import { TokenOrder } from "../../../core/enrolment/types.ts";
import { AppError } from "../../../core/errors.ts";
import { enrolmentTokens } from "../../../core/views/enrolments.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import {
  answer,
  answers,
  apiApp,
  IdParam,
  Instant,
  listOf,
  optionalJsonBody,
  wholeList,
} from "../../(_api)/api_app.ts";
import { managerUrl } from "../../(_role)/manager_url.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /enrolment-tokens": { role: "auditor", scope: "hosts", audit: null },
  "POST /enrolment-tokens": { role: "operator", scope: "hosts", audit: "enrolment_token.create", recent: true },
  "DELETE /enrolment-tokens/{id}": { role: "operator", scope: "hosts", audit: "enrolment_token.revoke" },
} satisfies ApiAccess;

const Token = z.object({
  id: z.uuid(),
  label: z.string(),
  groups: z.array(z.string()),
  created_at: Instant,
  created_by: z.string().nullable(),
  expires_at: Instant,
  state: z.enum(["open", "used", "revoked", "expired"]),
  used_at: Instant.nullable(),
}).openapi("EnrolmentToken");
const TokenList = listOf(Token).openapi("EnrolmentTokenList");

const Created = z.object({
  manager: z.string().openapi({ description: "Address of the manager, as the command has it." }),
  ca_fingerprint: z.string().openapi({ description: "SHA-256 of the root certificate's DER, hexadecimal." }),
  items: z.array(z.object({
    id: z.uuid(),
    token: z.string().openapi({ description: "For one machine. Shown now and never again." }),
    expires_at: Instant,
    command: z.string().openapi({ description: "To be run on the machine." }),
  })),
}).openapi("EnrolmentTokensCreated");

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/enrolment-tokens",
      summary: "One-time tokens, without the tokens themselves",
      responses: answers(200, TokenList, "Newest first, at most 1,000.", [401]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const tokens = await enrolmentTokens(sql, viewerOf(c.var.state).sees);
      return c.json(answer(TokenList, wholeList(tokens)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/enrolment-tokens",
      summary: "Make one-time tokens, each with the command that enrols a machine",
      request: optionalJsonBody(TokenOrder),
      responses: answers(201, Created, "Made. The tokens are in no other answer.", [400, 401, 403, 413, 415]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const manager = managerUrl(c.var.state, c.var.context.url);
      const order = c.req.valid("json");
      const tokens = await createEnrolmentTokens(
        services.sql,
        viewerOf(c.var.state).sees,
        order,
        callContext(c.var.state),
      );
      const items = tokens.map((token) => ({
        ...token,
        command: enrolmentCommand(manager, services.ca_fingerprint, token.token),
      }));
      return c.json(answer(Created, { manager, ca_fingerprint: services.ca_fingerprint, items }), 201);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/enrolment-tokens/{id}",
      summary: "Make a token worthless that was not used yet",
      request: { params: IdParam },
      responses: answers(200, z.object({ id: z.uuid(), revoked: z.literal(true) }), "Revoked.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      // A token of somebody else's groups is none, as everything out of scope.
      const known = await enrolmentTokens(sql, viewerOf(c.var.state).sees);
      if (!known.some((token) => token.id === id.toLowerCase())) throw new AppError("not_found");
      await revokeEnrolmentToken(sql, id, callContext(c.var.state));
      return c.json({ id, revoked: true as const }, 200);
    },
  );
