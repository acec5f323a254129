import { uuidv7 } from "../../core/ids.ts";
import { addUser } from "../job_scenario.ts";
import type { TestSite } from "../site.ts";
import { makeGroup } from "./make.ts";
import { type Example, get, type MakeForm, type Topic } from "./topic.ts";

/** Somebody who never did anything, so that everything can be done to them. */
async function makeUser({ database }: TestSite): Promise<string> {
  return (await addUser(database.sql, "operator")).id;
}

const ofUser = (method: string, tail: string, json?: unknown): Example => ({
  request: async (site) => ({
    method,
    path: `/api/v1/users/${await makeUser(site)}${tail}`,
    ...(json === undefined ? {} : { json }),
  }),
  status: 200,
});
const formOfUser = (tail: string, fields: [string, string][] = []): MakeForm => async (site) => ({
  path: `/users/${await makeUser(site)}${tail}`,
  fields,
});
const newUser = () => ({ username: `u-${uuidv7()}`, display_name: "Ines Duarte", email: "ines@example.org" });

/** Routes of users. */
export default {
  api: {
    "GET /api/v1/users": get("/api/v1/users?search=a&role=admin&state=enabled&sort=-last_login&limit=2"),
    "POST /api/v1/users": {
      request: () => ({ method: "POST", path: "/api/v1/users", json: { ...newUser(), role: "operator" } }),
      status: 201,
    },
    "GET /api/v1/users/:id": ofUser("GET", ""),
    "PATCH /api/v1/users/:id": ofUser("PATCH", "", { display_name: "Ines", role: "auditor" }),
    "DELETE /api/v1/users/:id": ofUser("DELETE", ""),
    "POST /api/v1/users/:id/disable": ofUser("POST", "/disable"),
    "POST /api/v1/users/:id/enable": ofUser("POST", "/enable"),
    "POST /api/v1/users/:id/reset-password": ofUser("POST", "/reset-password"),
    "POST /api/v1/users/:id/reset-factors": ofUser("POST", "/reset-factors"),
    "GET /api/v1/users/:id/sessions": {
      request: async (site) => ({ path: `/api/v1/users/${(await site.signIn("operator")).user_id}/sessions` }),
      status: 200,
    },
    "DELETE /api/v1/users/:id/sessions": {
      request: async (site) => ({
        method: "DELETE",
        path: `/api/v1/users/${(await site.signIn("operator")).user_id}/sessions`,
      }),
      status: 200,
    },
    "DELETE /api/v1/users/:id/sessions/:session_id": {
      request: async (site) => {
        const { user_id, session_id } = await site.signIn("operator");
        return { method: "DELETE", path: `/api/v1/users/${user_id}/sessions/${session_id}` };
      },
      status: 200,
    },
  },
  forms: {
    "POST /users/new": () => ({
      path: "/users/new",
      fields: [...Object.entries(newUser()), ["role", "auditor"]] as [string, string][],
    }),
    "POST /users/:id": formOfUser("", [["display_name", "Ines"], ["email", ""], ["role", "auditor"]]),
    "POST /users/:id/disable": formOfUser("/disable"),
    "POST /users/:id/enable": formOfUser("/enable"),
    "POST /users/:id/remove": formOfUser("/remove"),
    "POST /users/:id/reset-password": formOfUser("/reset-password"),
    "POST /users/:id/reset-factors": formOfUser("/reset-factors"),
    "POST /users/:id/end-sessions": formOfUser("/end-sessions"),
    "POST /users/:id/join-group": async (site) => ({
      path: `/users/${await makeUser(site)}/join-group`,
      fields: [["group", (await makeGroup(site)).group_id]],
    }),
    "POST /users/:id/leave-group": async (site) => {
      const { group_id, user_id } = await makeGroup(site);
      return { path: `/users/${user_id}/leave-group`, fields: [["group", group_id]] };
    },
  },
  pages: {
    "GET /users/:id": async (site) => `/users/${(await site.signIn("operator")).user_id}`,
    "GET /users/:id/reset-password": async (site) => `/users/${await makeUser(site)}/reset-password`,
  },
} satisfies Topic;
