import { createRoute, z } from "@hono/zod-openapi";
import { leaveGroups } from "../../../core/groups/leave_groups.ts";
import { changeHost, HostChange } from "../../../core/hosts/change_host.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "PATCH /hosts/{id}": { role: "operator", scope: "hosts", audit: "host.change" },
  "DELETE /hosts/{id}/groups": { role: "admin", scope: "hosts", audit: "host.leave_groups" },
} satisfies ApiAccess;

const HostNotes = z.object({
  id: z.uuid(),
  display_name: z.string(),
  notes: z.string(),
  tags: z.array(z.string()),
}).openapi("HostNotes");

export default apiApp()
  .openapi(
    createRoute({
      method: "patch",
      path: "/hosts/{id}",
      summary: "Change what people say of a host: name to show, notes, tags",
      request: { params: IdParam, ...jsonBody(HostChange) },
      responses: answers(200, HostNotes, "As it is now.", [400, 401, 403, 404, 413, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const viewer = viewerOf(c.var.state).sees;
      const host = await changeHost(sql, viewer, id, c.req.valid("json"), callContext(c.var.state));
      return c.json(answer(HostNotes, host), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/hosts/{id}/groups",
      summary: "Take a host out of a group, or of all",
      description: "A host in no group is visible to every operator.",
      request: {
        params: IdParam,
        query: z.strictObject({
          group_id: z.uuid().optional().openapi({ description: "Out of this one only; without it out of all." }),
        }),
      },
      responses: answers(
        200,
        z.object({ id: z.uuid(), left: z.array(z.uuid()) }).openapi("HostGroupsLeft"),
        "The groups that it was in.",
        [400, 401, 403, 404],
      ),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const { group_id = null } = c.req.valid("query");
      const left = await leaveGroups(sql, viewerOf(c.var.state).sees, id, group_id, callContext(c.var.state));
      return c.json({ id, left }, 200);
    },
  );
