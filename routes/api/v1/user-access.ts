import { createRoute, z } from "@hono/zod-openapi";
import { requireFactorsAnew } from "../../../core/users/require_factors_anew.ts";
import { resetPassword } from "../../../core/users/reset_password.ts";
import { revokeSessionsOf } from "../../../core/users/revoke_sessions.ts";
import { disableUser, enableUser } from "../../../core/users/switch_user.ts";
import { userSessions } from "../../../core/views/users.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Id, IdParam, wholeList } from "../../(_api)/api_app.ts";
import { FactorsReset, PasswordReset, SessionsEnded, UserChanged, UserSessionList } from "../../(_api)/user_schemas.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /users/{id}/disable": { role: "admin", scope: "none", audit: "user.disable", recent: true },
  "POST /users/{id}/enable": { role: "admin", scope: "none", audit: "user.enable", recent: true },
  "POST /users/{id}/reset-password": { role: "admin", scope: "none", audit: "user.reset_password", recent: true },
  "POST /users/{id}/reset-factors": { role: "admin", scope: "none", audit: "user.reset_factors", recent: true },
  "GET /users/{id}/sessions": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "DELETE /users/{id}/sessions": { role: "admin", scope: "none", audit: "session.revoke", recent: true },
  "DELETE /users/{id}/sessions/{session_id}": { role: "admin", scope: "none", audit: "session.revoke", recent: true },
} satisfies ApiAccess;

const path = { params: IdParam };
const write = [400, 401, 403, 404, 409];

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/users/{id}/disable",
      summary: "Disable an account",
      description: "Nobody signs in with it; its sessions and API tokens end. Nobody disables themselves, " +
        "and the last admin stays.",
      request: path,
      responses: answers(200, UserChanged, "As it is now.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { user, ended_sessions } = await disableUser(sql, c.req.valid("param").id, callContext(c.var.state));
      return c.json(answer(UserChanged, { ...user, ended_sessions }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/users/{id}/enable",
      summary: "Enable an account again",
      request: path,
      responses: answers(200, UserChanged, "As it is now.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { user, ended_sessions } = await enableUser(sql, c.req.valid("param").id, callContext(c.var.state));
      return c.json(answer(UserChanged, { ...user, ended_sessions }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/users/{id}/reset-password",
      summary: "Replace a forgotten password by a one-time password",
      description: "All sessions and API tokens of the user end. Second factors stay.",
      request: path,
      responses: answers(200, PasswordReset, "Replaced.", [...write, 429]),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const reset = await resetPassword(c.var.state.services.sql, id, callContext(c.var.state));
      const { password: one_time_password, ended_sessions, user } = reset;
      return c.json(answer(PasswordReset, { id: user.id, one_time_password, ended_sessions }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/users/{id}/reset-factors",
      summary: "Have a user set up second factors anew",
      description: "Those of before are worth nothing any more, and all sessions and API tokens of the user end.",
      request: path,
      responses: answers(200, FactorsReset, "What was taken away.", write),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const reset = await requireFactorsAnew(c.var.state.services.sql, id, callContext(c.var.state));
      return c.json(answer(FactorsReset, { id, ...reset }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/users/{id}/sessions",
      summary: "Open sessions of a user",
      description: "For admins and auditors. Those that were used last on top, at most 200.",
      request: path,
      responses: answers(200, UserSessionList, "The sessions.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const sessions = await userSessions(c.var.state.services.sql, c.req.valid("param").id);
      return c.json(answer(UserSessionList, wholeList(sessions)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/users/{id}/sessions",
      summary: "End all sessions of a user",
      description: "But the one that asks, where it is the caller's own account.",
      request: path,
      responses: answers(200, SessionsEnded, "Those that were open.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const own = viewerOf(c.var.state).session_id;
      const ended = await revokeSessionsOf(sql, c.req.valid("param").id, null, own, callContext(c.var.state));
      return c.json(ended, 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/users/{id}/sessions/{session_id}",
      summary: "End one session of a user",
      request: { params: z.object({ id: Id("id"), session_id: Id("session_id") }) },
      responses: answers(200, SessionsEnded, "It was open.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id, session_id } = c.req.valid("param");
      const own = viewerOf(c.var.state).session_id;
      return c.json(await revokeSessionsOf(sql, id, session_id, own, callContext(c.var.state)), 200);
    },
  );
