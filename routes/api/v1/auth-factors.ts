import { createRoute, z } from "@hono/zod-openapi";
import { askNewPasskey } from "../../../core/auth/factors/ask_passkey.ts";
import type { Enrolled } from "../../../core/auth/factors/enrol.ts";
import { enrolPasskey, PasskeyEnrolment } from "../../../core/auth/factors/enrol_passkey.ts";
import { enrolTotp, TotpEnrolment } from "../../../core/auth/factors/enrol_totp.ts";
import { factorsOf } from "../../../core/auth/factors/list_factors.ts";
import { makeRecoveryCodes } from "../../../core/auth/factors/make_recovery_codes.ts";
import { removeFactor } from "../../../core/auth/factors/remove_factor.ts";
import { renamePasskey } from "../../../core/auth/factors/rename_passkey.ts";
import { beginTotp } from "../../../core/auth/factors/totp_setup.ts";
import { PasskeyName } from "../../../core/auth/factors/types.ts";
import { rfc3339 } from "../../../core/clock.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody } from "../../(_api)/api_app.ts";
import {
  EnrolledAnswer,
  FactorsAnswer,
  PasskeyAnswer,
  PasskeyOptions,
  Removed,
  TotpSetupAnswer,
} from "../../(_api)/factor_schemas.ts";
import { sessionBody } from "../../(_api)/session_body.ts";
import { clientOf, partyOf } from "../../(_factors)/asking.ts";
import { callContext, type Services, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /auth/factors": { role: "auditor", scope: "none", audit: null },
  "POST /auth/factors/totp/setup": { role: "auditor", scope: "none", audit: null, recent: true },
  "POST /auth/factors/totp": { role: "auditor", scope: "none", audit: "auth.enrol_totp", recent: true },
  "DELETE /auth/factors/totp": { role: "auditor", scope: "none", audit: "auth.remove_factor", recent: true },
  "POST /auth/factors/passkeys/options": { role: "auditor", scope: "none", audit: null, recent: true },
  "POST /auth/factors/passkeys": { role: "auditor", scope: "none", audit: "auth.enrol_passkey", recent: true },
  "PATCH /auth/factors/passkeys/{id}": { role: "auditor", scope: "none", audit: "auth.rename_passkey" },
  "DELETE /auth/factors/passkeys/{id}": { role: "auditor", scope: "none", audit: "auth.remove_factor", recent: true },
  "POST /auth/factors/recovery-codes": {
    role: "auditor",
    scope: "none",
    audit: "auth.make_recovery_codes",
    recent: true,
  },
} satisfies ApiAccess;

async function enrolledBody(services: Services, { opened, recovery_codes }: Enrolled) {
  return { recovery_codes, session: opened && await sessionBody(services, opened) };
}

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/auth/factors",
      summary: "One's own second factors",
      responses: answers(200, FactorsAnswer, "What there is.", [401]),
    }),
    async (c) => {
      const factors = await factorsOf(c.var.state.services.sql, viewerOf(c.var.state).id);
      return c.json(answer(FactorsAnswer, factors), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factors/totp/setup",
      summary: "A fresh secret for an authenticator app",
      description: "Nothing is stored before a code of it is sent to `POST /auth/factors/totp`.",
      responses: answers(200, TotpSetupAnswer, "Shown once.", [401, 403]),
    }),
    async (c) => {
      const { sealer, clock } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      const { expires_at, ...begun } = await beginTotp(sealer, viewer, clock);
      return c.json({ ...begun, expires_at: rfc3339(expires_at) }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factors/totp",
      summary: "Set up an authenticator app, in the place of one before",
      description: "Ends all other sessions of the account.",
      request: jsonBody(TotpEnrolment),
      responses: answers(200, EnrolledAnswer, "Set up.", [400, 401, 403, 409, 429]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const viewer = viewerOf(c.var.state);
      const call = callContext(c.var.state);
      const enrolled = await enrolTotp(services, viewer, c.req.valid("json"), clientOf(c.var.context), call);
      return c.json(await enrolledBody(services, enrolled), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/auth/factors/totp",
      summary: "Remove the authenticator app",
      description: "The last factor stays. Ends all other sessions of the account.",
      responses: answers(200, Removed, "Removed.", [401, 403, 404, 409]),
    }),
    async (c) => {
      const done = await removeFactor(
        c.var.state.services.sql,
        viewerOf(c.var.state),
        "app",
        callContext(c.var.state),
      );
      return c.json({ removed: true as const, ...done }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factors/passkeys/options",
      summary: "What a browser makes a passkey from",
      description: "For `navigator.credentials.create()`.",
      responses: answers(200, PasskeyOptions, "Good for five minutes, once.", [401, 403, 422]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const viewer = viewerOf(c.var.state);
      const party = partyOf(services, c.var.context.url);
      const options = await askNewPasskey(services.sql, viewer, party, callContext(c.var.state));
      return c.json(JSON.parse(JSON.stringify(options)) as z.infer<typeof PasskeyOptions>, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factors/passkeys",
      summary: "Register a passkey",
      description: "Ends all other sessions of the account.",
      request: jsonBody(PasskeyEnrolment),
      responses: answers(200, EnrolledAnswer, "Registered.", [400, 401, 403, 409, 422]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const viewer = viewerOf(c.var.state);
      const party = partyOf(services, c.var.context.url);
      const call = callContext(c.var.state);
      const given = c.req.valid("json");
      const enrolled = await enrolPasskey(services.sql, viewer, given, party, clientOf(c.var.context), call);
      return c.json(await enrolledBody(services, enrolled), 200);
    },
  )
  .openapi(
    createRoute({
      method: "patch",
      path: "/auth/factors/passkeys/{id}",
      summary: "Rename a passkey",
      request: { params: IdParam, ...jsonBody(z.strictObject({ name: PasskeyName })) },
      responses: answers(200, PasskeyAnswer, "Renamed.", [400, 401, 404]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const viewer = viewerOf(c.var.state);
      const { id } = c.req.valid("param");
      await renamePasskey(services.sql, viewer, id, c.req.valid("json").name, callContext(c.var.state));
      const { passkeys } = await factorsOf(services.sql, viewer.id);
      return c.json(answer(PasskeyAnswer, passkeys.find((one) => one.id === id)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/auth/factors/passkeys/{id}",
      summary: "Remove a passkey",
      description: "The last factor stays. Ends all other sessions of the account.",
      request: { params: IdParam },
      responses: answers(200, Removed, "Removed.", [400, 401, 403, 404, 409]),
    }),
    async (c) => {
      const which = { passkey: c.req.valid("param").id };
      const call = callContext(c.var.state);
      const done = await removeFactor(c.var.state.services.sql, viewerOf(c.var.state), which, call);
      return c.json({ removed: true as const, ...done }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/factors/recovery-codes",
      summary: "Make ten recovery codes in the place of all before",
      responses: answers(200, z.object({ recovery_codes: z.array(z.string()) }), "Shown once.", [401, 403]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const codes = await makeRecoveryCodes(services.sql, viewerOf(c.var.state), callContext(c.var.state));
      return c.json({ recovery_codes: codes }, 200);
    },
  );
