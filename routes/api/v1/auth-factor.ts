import { createRoute, z } from "@hono/zod-openapi";
import { askPasskey } from "../../../core/auth/factors/ask_passkey.ts";
import { Confirmation, confirmWithCode } from "../../../core/auth/factors/confirm_identity.ts";
import { giveCode, giveRecoveryCode } from "../../../core/auth/factors/give_factor.ts";
import { TypedCode } from "../../../core/auth/factors/types.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answers, apiApp, jsonBody } from "../../(_api)/api_app.ts";
import { PasskeyOptions } from "../../(_api)/factor_schemas.ts";
import { Session, sessionBody } from "../../(_api)/session_body.ts";
import { clientOf, partyOf } from "../../(_factors)/asking.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /auth/factor": { role: "auditor", scope: "none", audit: "auth.factor" },
  "POST /auth/recovery-code": { role: "auditor", scope: "none", audit: "auth.use_recovery_code" },
  "POST /auth/confirm": { role: "auditor", scope: "none", audit: "auth.confirm" },
  "POST /auth/passkey/options": { role: "anonymous", scope: "none", audit: null },
} satisfies ApiAccess;

const Code = z.strictObject({ code: TypedCode });

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factor",
      summary: "Finish signing in with the code of the app",
      description: "With the token of a session at the stage `factor`; the answer holds the one to go on with.",
      request: jsonBody(Code),
      responses: answers(200, Session, "Signed in.", [400, 401, 409, 429]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const { code } = c.req.valid("json");
      const call = callContext(c.var.state);
      const opened = await giveCode(services, viewerOf(c.var.state), code, clientOf(c.var.context), call);
      return c.json(await sessionBody(services, opened), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/recovery-code",
      summary: "Finish signing in with a recovery code",
      description: "The code is used up by it.",
      request: jsonBody(Code),
      responses: answers(200, Session, "Signed in.", [400, 401, 409, 429]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const { code } = c.req.valid("json");
      const call = callContext(c.var.state);
      const opened = await giveRecoveryCode(services, viewerOf(c.var.state), code, clientOf(c.var.context), call);
      return c.json(await sessionBody(services, opened), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/confirm",
      summary: "Prove again who is working",
      description:
        "Some operations answer `confirmation_required` when the last proof is older than ten minutes. The answer " +
        "holds a new token; the old one has ended.",
      request: jsonBody(Confirmation),
      responses: answers(200, Session, "Confirmed.", [400, 401, 429]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const given = c.req.valid("json");
      const call = callContext(c.var.state);
      const opened = await confirmWithCode(services, viewerOf(c.var.state), given, clientOf(c.var.context), call);
      return c.json(await sessionBody(services, opened), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/passkey/options",
      summary: "What a browser asks a passkey",
      description:
        "For `navigator.credentials.get()`: to sign in without a password, to finish a sign-in, or to confirm who one " +
        "is, by how far the caller's session has come. The answer is given in the page's own form, which makes the " +
        "session a cookie that no script sees; programs use a code, a recovery code or an API token.",
      responses: answers(200, PasskeyOptions, "Good for five minutes, once.", [422]),
    }),
    async (c) => {
      const { services, viewer } = c.var.state;
      const party = partyOf(services, c.var.context.url);
      const options = await askPasskey(services.sql, viewer, party, callContext(c.var.state));
      return c.json(JSON.parse(JSON.stringify(options)) as z.infer<typeof PasskeyOptions>, 200);
    },
  );
