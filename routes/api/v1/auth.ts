import { createRoute, z } from "@hono/zod-openapi";
import { changePassword, PasswordChange } from "../../../core/auth/change_password.ts";
import { login } from "../../../core/auth/login.ts";
import { logout } from "../../../core/auth/logout.ts";
import { Credentials } from "../../../core/auth/types.ts";
import { AppError } from "../../../core/errors.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answers, apiApp, jsonBody } from "../../(_api)/api_app.ts";
import { Session, sessionBody, User, userBody } from "../../(_api)/session_body.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";
import { forgetInitialPassword } from "../../(_role)/initial_password.ts";

export const access = {
  "POST /auth/login": { role: "anonymous", scope: "none", audit: "auth.login" },
  "POST /auth/refresh": { role: "anonymous", scope: "none", audit: null },
  "POST /auth/logout": { role: "auditor", scope: "none", audit: "auth.logout" },
  "POST /auth/password": { role: "auditor", scope: "none", audit: "auth.change_password" },
  "GET /auth/me": { role: "auditor", scope: "none", audit: null },
} satisfies ApiAccess;

const Refresh = z.strictObject({
  refresh_token: z.string().min(1, "is empty").max(200, "is longer than 200 characters").openapi({
    description: "The last one that was handed out.",
  }),
});

const COPIED = {
  message: "A refresh token was used that had been exchanged before, so every session of that login has ended.",
  hint: "Sign in again. Where it was nobody of yours, change the password.",
};

const PasswordChanged = z.object({
  ...Session.shape,
  ended_sessions: z.int().openapi({ description: "Other sessions that ended with the old password." }),
  ended_tokens: z.int().openapi({ description: "API tokens of the account, which ended too." }),
}).openapi("PasswordChanged");

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/login",
      summary: "Sign in and get a bearer token",
      request: jsonBody(Credentials),
      responses: answers(200, Session, "Signed in.", [400, 401, 429]),
    }),
    async (c) => {
      const { services, address } = c.var.state;
      const client = { address, user_agent: c.req.header("user-agent") ?? null };
      const opened = await login(services.sql, c.req.valid("json"), "api", client, callContext(c.var.state));
      await forgetInitialPassword(services);
      return c.json(await sessionBody(services, opened), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/refresh",
      summary: "Exchange the refresh token for new tokens",
      description:
        "Each refresh token works once. When the answer was lost, the same one may be sent again, as long as nothing was " +
        "done with what it brought; sent later it counts as copied, and every session that came of that login ends.",
      request: jsonBody(Refresh),
      responses: answers(200, Session, "The session goes on.", [400, 401, 429]),
    }),
    async (c) => {
      const { services, address, request_id } = c.var.state;
      const { refresh_token } = c.req.valid("json");
      const found = await services.sessions.refresh(refresh_token, ["api"], { address, request_id });
      if (found.opened) return c.json(await sessionBody(services, found.opened), 200);
      throw new AppError("session_expired", found.viewer === null && found.why === "reused" ? COPIED : {});
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/logout",
      summary: "End the session",
      responses: answers(200, z.object({ ended: z.literal(true) }), "The token has ended.", [401]),
    }),
    async (c) => {
      await logout(c.var.state.services.sql, viewerOf(c.var.state), callContext(c.var.state));
      return c.json({ ended: true as const }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/password",
      summary: "Change one's own password",
      description:
        "Ends all sessions of the account, this one too, and its API tokens; the answer holds a new session.",
      request: jsonBody(PasswordChange),
      responses: answers(200, PasswordChanged, "Changed.", [400, 401, 422, 429]),
    }),
    async (c) => {
      const { services, address } = c.var.state;
      const client = { address, user_agent: c.req.header("user-agent") ?? null };
      const call = callContext(c.var.state);
      const { opened, ...ended } = await changePassword(
        services.sql,
        services.blocklist,
        viewerOf(c.var.state),
        c.req.valid("json"),
        client,
        call,
      );
      return c.json({ ...await sessionBody(services, opened), ...ended }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/auth/me",
      summary: "Who is signed in",
      responses: answers(200, User, "The caller.", [401]),
    }),
    (c) => c.json(userBody(viewerOf(c.var.state)), 200),
  );
