import { uuidv7 } from "../../core/ids.ts";
import { type MadeGroup, makeGroup, makeHost } from "./make.ts";
import { type Example, get, type MakeForm, type Topic } from "./topic.ts";

const ofGroup = (method: string, tail: string, json?: (made: MadeGroup) => unknown): Example => ({
  request: async (site) => {
    const made = await makeGroup(site);
    const path = `/api/v1/groups/${made.group_id}${tail}`;
    return json ? { method, path, json: json(made) } : { method, path };
  },
  status: 200,
});
const formOfGroup = (
  tail: string,
  fields: (made: MadeGroup) => [name: string, value: string][],
): MakeForm =>
async (site) => {
  const made = await makeGroup(site);
  return { path: `/groups/${made.group_id}${tail}`, fields: fields(made) };
};

export default {
  api: {
    "GET /api/v1/groups": get("/api/v1/groups"),
    "POST /api/v1/groups": {
      request: () => ({ method: "POST", path: "/api/v1/groups", json: { name: `Rack ${uuidv7()}` } }),
      status: 201,
    },
    "GET /api/v1/groups/:id": ofGroup("GET", ""),
    "PATCH /api/v1/groups/:id": ofGroup("PATCH", "", () => ({ name: `Rack ${uuidv7()}`, description: "third floor" })),
    "DELETE /api/v1/groups/:id": ofGroup("DELETE", ""),
    "PUT /api/v1/groups/:id/hosts": ofGroup("PUT", "/hosts", ({ host_id }) => ({ host_ids: [host_id] })),
    "DELETE /api/v1/groups/:id/hosts": ofGroup("DELETE", "/hosts", ({ host_id }) => ({ host_ids: [host_id] })),
    "PUT /api/v1/groups/:id/users": ofGroup("PUT", "/users", ({ user_id }) => ({ user_ids: [user_id] })),
    "DELETE /api/v1/groups/:id/users": ofGroup("DELETE", "/users", ({ user_id }) => ({ user_ids: [user_id] })),
  },
  forms: {
    "POST /groups": () => ({ path: "/groups", fields: [["name", `Rack ${uuidv7()}`], ["description", ""]] }),
    "POST /groups/:id": formOfGroup("", () => [["name", `Rack ${uuidv7()}`]]),
    "POST /groups/:id/add-hosts": async (site) => {
      const { group_id } = await makeGroup(site);
      return { path: `/groups/${group_id}/add-hosts`, fields: [["host", await makeHost(site)]] };
    },
    "POST /groups/:id/add-users": async (site) => {
      const { group_id } = await makeGroup(site);
      return { path: `/groups/${group_id}/add-users`, fields: [["user", (await site.signIn("operator")).user_id]] };
    },
    "POST /groups/:id/delete": formOfGroup("/delete", () => [["opened", "1"]]),
    "POST /groups/:id/remove-hosts": // Who would see more is asked first; this is the second form, which says that it was told.
      formOfGroup("/remove-hosts", ({ host_id }) => [["host", host_id], ["told", "1"]]),
    "POST /groups/:id/remove-users": formOfGroup("/remove-users", ({ user_id }) => [["user", user_id]]),
  },
  pages: {
    "GET /groups/:id": async (site) => `/groups/${(await makeGroup(site)).group_id}`,
    "GET /groups/:id/remove-hosts": async (site) => {
      const { group_id, host_id } = await makeGroup(site);
      return `/groups/${group_id}/remove-hosts?host=${host_id}`;
    },
  },
} satisfies Topic;
