import { createRoute, z } from "@hono/zod-openapi";
import { confirmReach } from "../../../core/auth/confirm_reach.ts";
import { addMembers, removeMembers } from "../../../core/groups/change_members.ts";
import { changeGroup } from "../../../core/groups/change_group.ts";
import { createGroup } from "../../../core/groups/create_group.ts";
import { deleteGroup } from "../../../core/groups/delete_group.ts";
import { GroupChange, GroupOrder, MAX_MEMBERS } from "../../../core/groups/types.ts";
import { groupDetail, groupUsers, hostIdsOf, listGroups } from "../../../core/views/groups.ts";
import { HostFilter } from "../../../core/views/host_filter.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, Instant, jsonBody, listOf, wholeList } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /groups": { role: "auditor", scope: "hosts", audit: null },
  "POST /groups": { role: "admin", scope: "none", audit: "group.create" },
  "GET /groups/{id}": { role: "auditor", scope: "hosts", audit: null },
  "PATCH /groups/{id}": { role: "admin", scope: "none", audit: "group.change" },
  "DELETE /groups/{id}": { role: "admin", scope: "none", audit: "group.delete", recent: true },
  "PUT /groups/{id}/hosts": { role: "admin", scope: "hosts", audit: "group.add_hosts" },
  "DELETE /groups/{id}/hosts": { role: "admin", scope: "hosts", audit: "group.remove_hosts" },
  "PUT /groups/{id}/users": { role: "admin", scope: "none", audit: "group.add_users", recent: true },
  "DELETE /groups/{id}/users": { role: "admin", scope: "none", audit: "group.remove_users", recent: true },
} satisfies ApiAccess;

const count = z.int().min(0);
const GroupName = z.object({ id: z.uuid(), name: z.string(), description: z.string() }).openapi("GroupNamed");
const groupFields = {
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  hosts: count,
  users: count,
  only_here: count.openapi({ description: "Hosts that are in no other group: without it every operator sees them." }),
  created_at: Instant,
  created_by: z.string().nullable(),
};
const Group = z.object(groupFields).openapi("Group");
const GroupList = listOf(Group).openapi("GroupList");
const GroupDetail = z.object({
  ...groupFields,
  members: z.array(z.object({
    id: z.uuid(),
    username: z.string(),
    display_name: z.string(),
    role: z.enum(["admin", "operator", "auditor"]),
    disabled: z.boolean(),
  })).openapi({ description: "Its users. Its hosts: GET /hosts?group=ID." }),
}).openapi("GroupDetail");
const Changed = z.object({
  changed: count.openapi({ description: "Those that it made a difference for." }),
  opened_hosts: count.openapi({ description: "Hosts that are in no group now: every operator sees them." }),
}).openapi("GroupMembersChanged");

/** Hosts by their ids, or all that a filter shows the caller. */
const Hosts = z.strictObject({
  host_ids: z.array(z.uuid()).min(1).max(MAX_MEMBERS).optional(),
  filter: z.strictObject(HostFilter.shape).optional().openapi({
    description: "As in GET /hosts; all hosts that it shows now.",
  }),
}).refine(
  ({ host_ids, filter }) => (host_ids === undefined) !== (filter === undefined),
  "Send either host_ids or filter",
);
const Users = z.strictObject({ user_ids: z.array(z.uuid()).min(1).max(1_000) });

const write = [400, 401, 403, 404, 413, 415];
const path = { params: IdParam };

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/groups",
      summary: "Groups of hosts and users",
      responses: answers(200, GroupList, "By name; operators read their own.", [401]),
    }),
    async (c) => {
      const groups = await listGroups(c.var.state.services.sql, viewerOf(c.var.state).sees);
      return c.json(answer(GroupList, wholeList(groups)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/groups",
      summary: "Make a group",
      description: "Names are trimmed and told apart without capitals.",
      request: jsonBody(GroupOrder),
      responses: answers(201, GroupName, "Made, without members.", [400, 401, 403, 409, 413, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      const group = await createGroup(sql, viewer.id, c.req.valid("json"), callContext(c.var.state));
      c.header("location", `/api/v1/groups/${group.id}`);
      return c.json(answer(GroupName, group), 201);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/groups/{id}",
      summary: "A group with its users",
      request: path,
      responses: answers(200, GroupDetail, "The group.", [400, 401, 404]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const viewer = viewerOf(c.var.state).sees;
      const group = await groupDetail(sql, viewer, id);
      const members = await groupUsers(sql, viewer, id);
      return c.json(answer(GroupDetail, { ...group, members }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "patch",
      path: "/groups/{id}",
      summary: "Rename a group or describe it",
      request: { ...path, ...jsonBody(GroupChange) },
      responses: answers(200, GroupName, "As it is now.", [...write, 409]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const group = await changeGroup(sql, id, c.req.valid("json"), callContext(c.var.state));
      return c.json(answer(GroupName, group), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/groups/{id}",
      summary: "Delete a group",
      description: "Its hosts and users stay. Hosts that were in no other group are visible to every operator then.",
      request: path,
      responses: answers(
        200,
        z.object({ id: z.uuid(), opened_hosts: count }).openapi("GroupDeleted"),
        "Deleted.",
        [400, 401, 403, 404],
      ),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      return c.json(await deleteGroup(c.var.state.services.sql, id, null, callContext(c.var.state)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "put",
      path: "/groups/{id}/hosts",
      summary: "Put hosts into a group",
      description: "Those that are in it stay.",
      request: { ...path, ...jsonBody(Hosts) },
      responses: answers(200, Changed, "They are in it.", write),
    }),
    async (c) => {
      const { sql, clock } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      const { host_ids, filter } = c.req.valid("json");
      const ids = host_ids ?? await hostIdsOf(sql, viewer.sees, filter!, MAX_MEMBERS);
      await confirmReach(sql, viewer, new Set(ids).size, clock);
      const { id } = c.req.valid("param");
      return c.json(await addMembers(sql, viewer.sees, id, "hosts", ids, callContext(c.var.state)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/groups/{id}/hosts",
      summary: "Take hosts out of a group",
      request: { ...path, ...jsonBody(Hosts) },
      responses: answers(200, Changed, "They are not in it.", write),
    }),
    async (c) => {
      const { sql, clock } = c.var.state.services;
      const viewer = viewerOf(c.var.state);
      const { host_ids, filter } = c.req.valid("json");
      const ids = host_ids ?? await hostIdsOf(sql, viewer.sees, filter!, MAX_MEMBERS);
      await confirmReach(sql, viewer, new Set(ids).size, clock);
      const { id } = c.req.valid("param");
      return c.json(await removeMembers(sql, id, "hosts", ids, callContext(c.var.state)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "put",
      path: "/groups/{id}/users",
      summary: "Put users into a group",
      request: { ...path, ...jsonBody(Users) },
      responses: answers(200, Changed, "They are in it.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { user_ids } = c.req.valid("json");
      const { id } = c.req.valid("param");
      const viewer = viewerOf(c.var.state).sees;
      return c.json(await addMembers(sql, viewer, id, "users", user_ids, callContext(c.var.state)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/groups/{id}/users",
      summary: "Take users out of a group",
      request: { ...path, ...jsonBody(Users) },
      responses: answers(200, Changed, "They are not in it.", write),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const { user_ids } = c.req.valid("json");
      return c.json(await removeMembers(sql, id, "users", user_ids, callContext(c.var.state)), 200);
    },
  );
