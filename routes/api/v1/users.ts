import { createRoute, z } from "@hono/zod-openapi";
import { changeUser } from "../../../core/users/change_user.ts";
import { createUser } from "../../../core/users/create_user.ts";
import { removeUser } from "../../../core/users/remove_user.ts";
import { UserChange, UserOrder } from "../../../core/users/types.ts";
import { listUsers, userDetail, UserFilter, UserSort } from "../../../core/views/users.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, IdParam, jsonBody } from "../../(_api)/api_app.ts";
import { paging } from "../../(_api)/query.ts";
import { UserChanged, UserEntry, UserList, UserMade, UserRemoved } from "../../(_api)/user_schemas.ts";
import { callContext } from "../../(_role)/state.ts";

export const access = {
  "GET /users": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "POST /users": { role: "admin", scope: "none", audit: "user.create", recent: true },
  "GET /users/{id}": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "PATCH /users/{id}": { role: "admin", scope: "none", audit: "user.change", recent: true },
  "DELETE /users/{id}": { role: "admin", scope: "none", audit: "user.remove", recent: true },
} satisfies ApiAccess;

const path = { params: IdParam };
const write = [400, 401, 403, 404, 409];

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/users",
      summary: "Users, filtered and sorted",
      description: "For admins and auditors.",
      request: { query: z.strictObject({ ...UserFilter.shape, sort: UserSort.optional(), ...paging(500) }) },
      responses: answers(200, UserList, "One page.", [400, 401, 403]),
    }),
    async (c) => {
      const list = await listUsers(c.var.state.services.sql, c.req.valid("query"));
      return c.json(answer(UserList, list), 200);
    },
  )
  .openapi(
    createRoute({
      method: "post",
      path: "/users",
      summary: "Make a user with a one-time password",
      description:
        "User names are compared in lower case. At the first login the user chooses a password and sets up " +
        "a second factor; nothing else is open before. An API token makes no admins.",
      request: jsonBody(UserOrder),
      responses: answers(201, UserMade, "Made.", [...write, 413, 415, 429]),
    }),
    async (c) => {
      const { user, password } = await createUser(
        c.var.state.services.sql,
        c.req.valid("json"),
        callContext(c.var.state),
      );
      c.header("location", `/api/v1/users/${user.id}`);
      return c.json(answer(UserMade, { ...user, one_time_password: password }), 201);
    },
  )
  .openapi(
    createRoute({
      method: "get",
      path: "/users/{id}",
      summary: "One user",
      description: "For admins and auditors.",
      request: path,
      responses: answers(200, UserEntry, "The user.", [400, 401, 403, 404]),
    }),
    async (c) => {
      const user = await userDetail(c.var.state.services.sql, c.req.valid("param").id);
      return c.json(answer(UserEntry, user), 200);
    },
  )
  .openapi(
    createRoute({
      method: "patch",
      path: "/users/{id}",
      summary: "Change name, e-mail address or role of a user",
      description: "What is absent stays. With another role all sessions and API tokens of the user end.",
      request: { ...path, ...jsonBody(UserChange) },
      responses: answers(200, UserChanged, "As it is now.", [...write, 413, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { id } = c.req.valid("param");
      const { user, ended_sessions } = await changeUser(sql, id, c.req.valid("json"), callContext(c.var.state));
      return c.json(answer(UserChanged, { ...user, ended_sessions }), 200);
    },
  )
  .openapi(
    createRoute({
      method: "delete",
      path: "/users/{id}",
      summary: "Remove a user who never did anything here",
      description: "Whoever the history names is disabled instead: 409 says what names them.",
      request: path,
      responses: answers(200, UserRemoved, "Removed.", write),
    }),
    async (c) => {
      const removed = await removeUser(c.var.state.services.sql, c.req.valid("param").id, callContext(c.var.state));
      return c.json({ ...removed, removed: true as const }, 200);
    },
  );
