import { createRoute, z } from "@hono/zod-openapi";
import { changePassword, PasswordChange } from "../../../core/auth/change_password.ts";
import { login } from "../../../core/auth/login.ts";
import { logout } from "../../../core/auth/logout.ts";
import { refreshSession } from "../../../core/auth/sessions.ts";
import { Credentials, type OpenedSession, roles, type Viewer } from "../../../core/auth/types.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answers, apiApp, Instant, jsonBody } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";
import { forgetInitialPassword } from "../../(_role)/initial_password.ts";

export const access = {
  "POST /auth/login": { role: "anonymous", scope: "none", audit: "auth.login" },
  "POST /auth/refresh": { role: "auditor", scope: "none", audit: null },
  "POST /auth/logout": { role: "auditor", scope: "none", audit: "auth.logout" },
  "POST /auth/password": { role: "auditor", scope: "none", audit: "auth.change_password" },
  "GET /auth/me": { role: "auditor", scope: "none", audit: null },
} satisfies ApiAccess;

const User = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  must_change_password: z.boolean().openapi({
    description: "True while a one-time password is in use: nothing but changing it is open.",
  }),
}).openapi("User");

const Session = z.object({
  token: z.string().openapi({ description: "Send it as `Authorization: Bearer …`. It is shown once." }),
  idle_until: Instant.openapi({ description: "The session ends then when it is not used before." }),
  expires_at: Instant.openapi({ description: "The session ends then whatever happens." }),
  user: User,
}).openapi("Session");

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
      return c.json(sessionBody(opened), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/auth/refresh",
      summary: "Replace the bearer token by a new one",
      responses: answers(200, Session, "The old token has ended.", [401]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const token = c.req.header("authorization")?.slice("Bearer ".length) ?? "";
      const opened = await refreshSession(services.sql, token, services.clock);
      if (!opened) throw new AppError("session_expired");
      return c.json(sessionBody(opened), 200);
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
      description: "Ends all other sessions of the account.",
      request: jsonBody(PasswordChange),
      responses: answers(200, z.object({ ended_sessions: z.int() }), "Changed.", [400, 401, 422, 429]),
    }),
    async (c) => {
      const { services } = c.var.state;
      const change = c.req.valid("json");
      return c.json(await changePassword(services.sql, viewerOf(c.var.state), change, callContext(c.var.state)), 200);
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

function userBody({ id, username, display_name, role, must_change_password }: Viewer): z.infer<typeof User> {
  return { id, username, display_name, role, must_change_password };
}

function sessionBody({ token, idle_until, expires_at, viewer }: OpenedSession): z.infer<typeof Session> {
  return { token, idle_until: rfc3339(idle_until), expires_at: rfc3339(expires_at), user: userBody(viewer) };
}
