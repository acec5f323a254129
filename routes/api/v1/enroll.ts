import { createRoute, z } from "@hono/zod-openapi";
import { collectEnrolment } from "../../../core/enrolment/collect_enrolment.ts";
import { requestEnrolment } from "../../../core/enrolment/request_enrolment.ts";
import { AppError } from "../../../core/errors.ts";
import { readSettings } from "../../../core/settings/read_settings.ts";
import { EnrolRequest, EnrolStatus } from "../../../protocol/enrolment.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, jsonBody } from "../../(_api)/api_app.ts";
import { issuerOf } from "../../(_role)/issuer.ts";
import { callContext } from "../../(_role)/state.ts";

/** The paths, statuses and answers of the public agent: machines that nobody knows yet ask here. */
export const access = {
  "POST /enroll": { role: "anonymous", scope: "none", audit: "enrolment.request" },
  "GET /enroll/status/{token}": { role: "anonymous", scope: "none", audit: "certificate.collect" },
} satisfies ApiAccess;

const Accepted = z.object({
  polling_token: z.string().openapi({ description: "For `GET enroll/status/{token}`. Shown once." }),
}).openapi("EnrolmentAccepted");

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/enroll",
      summary: "A machine asks to be managed",
      description:
        "With a one-time token it is let in at once; without one it waits for a person. 409: it is enrolled " +
        "already. 429: too many requests without token from this address.",
      request: jsonBody(EnrolRequest),
      responses: answers(202, Accepted, "Taken.", [400, 403, 409, 413, 415, 429]),
    }),
    async (c) => {
      const { services, address } = c.var.state;
      // Whose request it is decides how many more are taken: without a connection there is nobody to count.
      if (address === null) throw new Error("an enrolment came without a connection");
      const settings = await readSettings(services.sql);
      const { polling_token } = await requestEnrolment(
        services.sql,
        c.req.valid("json"),
        address,
        await issuerOf(services),
        {
          rate_per_minute: settings["enrolment.rate_per_minute"],
          pending_days: settings["enrolment.pending_days"],
        },
        callContext(c.var.state),
      ).catch(withPause);
      return c.json(answer(Accepted, { polling_token }), 202);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/enroll/status/{token}",
      summary: "Where an enrolment stands",
      description: "Always 200. `approved` comes once, with the certificate; a token that is unknown, expired or was " +
        "answered already gets `notfound`.",
      request: { params: z.object({ token: z.string() }) },
      responses: answers(200, EnrolStatus, "Where it stands.", []),
    }),
    async (c) => {
      const { services } = c.var.state;
      const { token } = c.req.valid("param");
      const status = await collectEnrolment(services.sql, token, await issuerOf(services), callContext(c.var.state));
      return c.json(answer(EnrolStatus, status), 200);
    },
  );

/** Agents obey Retry-After: requests are counted by the minute, so after one it is worth asking again. */
function withPause(thrown: unknown): never {
  if (!(thrown instanceof AppError) || thrown.code !== "too_many_requests" || thrown.details.length > 0) throw thrown;
  const { message, hint } = thrown;
  throw new AppError(thrown.code, { message, hint, details: [{ field: "retry_after_seconds", problem: "60" }] });
}
