import { createRoute, z } from "@hono/zod-openapi";
import { revokeOtherSessions, revokeSession } from "../../../core/auth/revoke_session.ts";
import { sessionKinds, stages } from "../../../core/auth/types.ts";
import { userSessions } from "../../../core/views/users.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, Instant, listOf, wholeList } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /auth/sessions": { role: "auditor", scope: "none", audit: null },
  "DELETE /auth/sessions": { role: "auditor", scope: "none", audit: "session.revoke", recent: true },
  "DELETE /auth/sessions/{id}": { role: "auditor", scope: "none", audit: "session.revoke", recent: true },
} satisfies ApiAccess;

const OwnSession = z.object({
  id: z.uuid(),
  current: z.boolean().openapi({ description: "The session that asks." }),
  kind: z.enum(sessionKinds),
  name: z.string().nullable().openapi({ description: "Only wall screens have one." }),
  stage: z.enum(stages),
  methods: z.array(z.string()).openapi({
    description: "What was proven, in the words of RFC 8176; `rc` is a recovery code.",
  }),
  address: z.string().nullable(),
  user_agent: z.string().nullable(),
  created_at: Instant,
  last_used_at: Instant.openapi({ description: "Written down at most once a minute." }),
  authenticated_at: Instant.openapi({ description: "When its owner last proved who they are." }),
  idle_until: Instant,
  expires_at: Instant,
}).openapi("OwnSession");
const OwnSessionList = listOf(OwnSession).openapi("OwnSessionList");

const Ended = z.object({ ended_sessions: z.int() });

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/auth/sessions",
      summary: "Where one is signed in",
      responses: answers(200, OwnSessionList, "The one that was used last on top, at most 200.", [401]),
    }),
    async (c) => {
      const viewer = viewerOf(c.var.state);
      const sessions = await userSessions(c.var.state.services.sql, viewer.id);
      const marked = sessions.map((session) => ({ ...session, current: session.id === viewer.session_id }));
      return c.json(answer(OwnSessionList, wholeList(marked)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/auth/sessions",
      summary: "Sign out everywhere else",
      responses: answers(200, Ended, "All sessions of the caller but the one that asks have ended.", [401, 403]),
    }),
    async (c) => {
      const { state } = c.var;
      const ended = await revokeOtherSessions(state.services.sql, viewerOf(state), callContext(state));
      return c.json({ ended_sessions: ended }, 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/auth/sessions/{id}",
      summary: "End a session: one's own, or anybody's as an admin",
      description: "To end the one that asks, POST /auth/logout needs no proof.",
      request: { params: IdParam },
      responses: answers(200, z.object({ id: z.uuid(), ended: z.literal(true) }), "Ended.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const { state } = c.var;
      const { id } = c.req.valid("param");
      await revokeSession(state.services.sql, viewerOf(state), id, callContext(state));
      return c.json({ id, ended: true as const }, 200);
    },
  );
