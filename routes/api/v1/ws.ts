import { createRoute, z } from "@hono/zod-openapi";
import { issueTicket, TICKET_SECONDS } from "../../../core/live/tickets.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answers, apiApp } from "../../(_api)/api_app.ts";
import { viewerOf } from "../../(_role)/state.ts";

export const access = {
  "POST /ws/ticket": { role: "auditor", scope: "none", audit: null },
} satisfies ApiAccess;

const Ticket = z.object({
  ticket: z.string().openapi({ description: "For `WS /api/v1/ws/jobs?ticket=…`. Works once." }),
  expires_in_seconds: z.int(),
}).openapi("Ticket");

export default apiApp()
  .openapi(
    createRoute({
      method: "post",
      path: "/ws/ticket",
      summary: "A ticket for one live socket",
      responses: answers(200, Ticket, "Good for a minute, bound to the session.", [401]),
    }),
    async (c) => {
      const viewer = viewerOf(c.var.state);
      const ticket = await issueTicket(c.var.state.services.sql, { session_id: viewer.session_id, user_id: viewer.id });
      return c.json({ ticket, expires_in_seconds: TICKET_SECONDS }, 200);
    },
  );
